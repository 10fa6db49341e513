import { Button, Group, Modal, TextInput } from '@mantine/core'
import { useState } from 'react'

type Props = { title: string; onClose: () => void; onRename: (title: string) => Promise<void> }

export function RenameDialog({ title, onClose, onRename }: Props) {
  const [draft, setDraft] = useState(title)
  return (
    <Modal opened onClose={onClose} title="Rename">
      <form
        onSubmit={(event) => {
          event.preventDefault()
          void onRename(draft.trim())
        }}
      >
        <TextInput
          aria-label="Title"
          data-autofocus
          maxLength={200}
          value={draft}
          onChange={(event) => setDraft(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="md">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit">Rename</Button>
        </Group>
      </form>
    </Modal>
  )
}
