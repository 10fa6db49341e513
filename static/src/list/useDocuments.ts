import { useCallback, useEffect, useRef, useState } from 'react'

import { ApiError, type DocumentInfo, type Page, request } from '../api'
import { append, type Filter, listPath, put, without } from './listing'

type State = { documents: DocumentInfo[] | null; next: string | null }

const NOTHING_YET: State = { documents: null, next: null }

/** The documents of a tab that match some words, and what can be done with them.

Shows only what the server answered. An answer that is late, because the tab or the words
have changed since, is dropped. */
export function useDocuments(filter: Filter, words: string) {
  const [state, setState] = useState(NOTHING_YET)
  const [problem, setProblem] = useState<string | null>(null)
  const [isReading, setReading] = useState(true)
  const turn = useRef(0)
  const hasMore = useRef(false) // further pages are on the screen: rereading would fold them up

  const read = useCallback(async () => {
    const mine = ++turn.current
    setReading(true)
    try {
      const page = await request<Page<DocumentInfo>>('GET', listPath(filter, words))
      if (mine !== turn.current) return
      hasMore.current = false
      setState({ documents: page.items, next: page.next })
      setProblem(null)
    } catch (error) {
      if (mine === turn.current) setProblem(inWords(error))
    }
    if (mine === turn.current) setReading(false)
  }, [filter, words])

  useEffect(() => setState(NOTHING_YET), [filter])
  useEffect(() => void read(), [read])
  useEffect(() => {
    const onReturn = () => {
      if (document.visibilityState === 'visible' && !hasMore.current) void read()
    }
    document.addEventListener('visibilitychange', onReturn)
    return () => document.removeEventListener('visibilitychange', onReturn)
  }, [read])

  const readMore = async () => {
    if (!state.next || isReading) return
    const mine = ++turn.current
    setReading(true)
    try {
      const page = await request<Page<DocumentInfo>>('GET', state.next)
      if (mine !== turn.current) return
      hasMore.current = true
      setState((now) => ({ documents: append(now.documents ?? [], page.items), next: page.next }))
      setProblem(null)
    } catch (error) {
      if (mine === turn.current) setProblem(inWords(error))
    }
    if (mine === turn.current) setReading(false)
  }

  /** Do something and show its result; what the server refuses is said above the list. */
  const attempt = async (action: () => Promise<void>): Promise<boolean> => {
    try {
      await action()
      setProblem(null)
      return true
    } catch (error) {
      setProblem(inWords(error))
      return false
    }
  }

  const edit = (change: (documents: DocumentInfo[]) => DocumentInfo[]) =>
    setState((now) => ({ ...now, documents: now.documents && change(now.documents) }))

  return {
    documents: state.documents,
    problem,
    isReading,
    attempt,
    read,
    readMore: state.next ? readMore : null,
    show: (answer: DocumentInfo) => edit((documents) => put(documents, answer, filter)),
    hide: (id: string) => edit((documents) => without(documents, id)),
  }
}

export function inWords(error: unknown): string {
  if (!(error instanceof ApiError)) return 'The server does not answer. Try again in a moment.'
  return error.status === 401 ? 'You were logged out. Reload this page to log in.' : error.message
}
