import { useEffect, useRef, useState } from 'react'

import { ApiError, request } from '../api'
import type { PageFacts } from './connection'

const SAVE_AFTER_MS = 600

type Props = { facts: PageFacts; title: string; mayWrite: boolean }

/** The title, first line of the page. Sent a moment after the last key; others see it live. */
export function Title({ facts, title, mayWrite }: Props) {
  const [draft, setDraft] = useState<string | null>(null)
  const [problem, setProblem] = useState<string | null>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)

  const save = async (text: string) => {
    clearTimeout(timer.current)
    try {
      await request('PATCH', `documents/${facts.document.id}`, { title: text.trim() }, facts.link)
      setProblem(null)
    } catch (error) {
      setProblem(error instanceof ApiError ? error.message : 'The title could not be saved.')
    }
  }
  useEffect(() => () => clearTimeout(timer.current), [])

  if (!mayWrite)
    return (
      <h1 className="title" data-testid="title">
        {title || 'Untitled'}
      </h1>
    )
  return (
    <div className="title-field">
      <textarea
        className="title"
        data-testid="title"
        aria-label="Title"
        placeholder="Untitled"
        rows={1}
        maxLength={200}
        value={draft ?? title}
        onChange={(event) => {
          const text = event.target.value.replaceAll('\n', ' ')
          setDraft(text)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => void save(text), SAVE_AFTER_MS)
        }}
        onBlur={() => {
          if (draft !== null && draft !== title) void save(draft)
          setTimeout(() => setDraft(null), SAVE_AFTER_MS)
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Enter') return
          event.preventDefault()
          document.querySelector<HTMLElement>('.bn-editor')?.focus()
        }}
      />
      {problem && (
        <p className="title-problem" role="alert">
          {problem}
        </p>
      )}
    </div>
  )
}
