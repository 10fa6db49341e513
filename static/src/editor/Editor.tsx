import '@blocknote/mantine/style.css'
import './editor.css'

import { withCollaboration } from '@blocknote/core/yjs'
import { BlockNoteView } from '@blocknote/mantine'
import { useCreateBlockNote } from '@blocknote/react'
import { useComputedColorScheme } from '@mantine/core'
import type { Awareness } from 'y-protocols/awareness'
import { useEffect } from 'react'
import type { XmlFragment } from 'yjs'

import { styleNonce } from '../theme/nonce'
import { schema, tiptapExtensions } from './schema'

type Props = {
  fragment: XmlFragment
  awareness: Awareness
  user: { name: string; color: string }
  isEditable: boolean
}

/** The rich text, live. Everything that is BlockNote's stays in this folder. */
export default function Editor({ fragment, awareness, user, isEditable }: Props) {
  const scheme = useComputedColorScheme('light')
  const editor = useCreateBlockNote(
    withCollaboration({
      schema,
      collaboration: { fragment, provider: { awareness }, user, showCursorLabels: 'activity' },
      _tiptapOptions: {
        extensions: tiptapExtensions,
        injectCSS: false,
        injectNonce: styleNonce(),
      },
    }),
    [fragment],
  )
  useEffect(() => {
    // A new document is there to be written: what is typed at once must not be lost.
    if (isEditable && isBlank(editor.document)) editor.focus()
  }, [editor])
  return (
    <BlockNoteView
      editor={editor}
      editable={isEditable}
      theme={scheme}
      data-testid="editor"
      className="editor"
      aria-label="Document"
    />
  )
}

function isBlank(blocks: readonly { type: string; content?: unknown }[]) {
  const [only] = blocks
  return blocks.length === 1 && only?.type === 'paragraph' && [only.content].flat().length === 0
}
