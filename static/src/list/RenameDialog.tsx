import { Button, Group, Modal, TextInput } from '@mantine/core'
import { useState } from 'react'

import { type DocumentInfo, request } from '../api'
import { inWords } from './useDocuments'

type Props = {
  document: DocumentInfo
  onClose: () => void
  onRenamed: (answer: DocumentInfo) => void
}

export function RenameDialog({ document, onClose, onRenamed }: Props) {
  const [title, setTitle] = useState(document.title)
  const [problem, setProblem] = useState<string | null>(null)
  const [isSending, setSending] = useState(false)

  const rename = async () => {
    setSending(true)
    try {
      onRenamed(
        await request<DocumentInfo>('PATCH', `documents/${document.id}`, { title: title.trim() }),
      )
    } catch (error) {
      setProblem(inWords(error))
      setSending(false)
    }
  }

  return (
    <Modal opened onClose={onClose} title="Rename" centered>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void rename()
        }}
      >
        <TextInput
          aria-label="Title"
          placeholder="Untitled"
          data-autofocus
          maxLength={200}
          value={title}
          error={problem}
          onChange={(event) => setTitle(event.currentTarget.value)}
          onFocus={(event) => event.currentTarget.select()}
        />
        <Group justify="flex-end" gap="xs" mt="lg">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={isSending}>
            Rename
          </Button>
        </Group>
      </form>
    </Modal>
  )
}
