import '@blocknote/mantine/style.css'
import './editor.css'
import './selection'

import { withCollaboration } from '@blocknote/core/yjs'
import { BlockNoteView } from '@blocknote/mantine'
import { useCreateBlockNote } from '@blocknote/react'
import { useComputedColorScheme } from '@mantine/core'
import type { Awareness } from 'y-protocols/awareness'
import { type MouseEvent, useEffect, useRef } from 'react'
import type { XmlFragment } from 'yjs'

import { styleNonce } from '../theme/nonce'
import { addressFor, type Place } from './attachments'
import { keepNamesWhole, showWhoTypes } from './names'
import { schema, tiptapExtensions } from './schema'
import { Uploads } from './Uploads'
import { useUploads } from './useUploads'

type Props = {
  fragment: XmlFragment
  awareness: Awareness
  user: { name: string; color: string }
  isEditable: boolean
  place: Place
}

/** The rich text, live. Everything that is BlockNote's stays in this folder. */
export default function Editor({ fragment, awareness, user, isEditable, place }: Props) {
  const scheme = useComputedColorScheme('light')
  const files = useUploads(place)
  const editor = useCreateBlockNote(
    withCollaboration({
      schema,
      ...files.options,
      collaboration: { fragment, provider: { awareness }, user, showCursorLabels: 'activity' },
      _tiptapOptions: {
        extensions: tiptapExtensions,
        injectCSS: false,
        injectNonce: styleNonce(),
      },
    }),
    [fragment],
  )
  files.editor.current = editor
  const page = useRef<HTMLDivElement>(null)
  useEffect(() => showWhoTypes(awareness), [awareness])
  useEffect(() => keepNamesWhole(awareness, page.current!), [awareness])
  useEffect(() => {
    // A new document is there to be written: what is typed at once must not be lost.
    if (isEditable && isBlank(editor.document)) editor.focus()
  }, [editor])
  /** Editors have a toolbar for it; whoever may only read has the file's name to click on. */
  const download = ({ target }: MouseEvent) => {
    const id = isEditable ? null : fileBlockAround(target as Element)
    const url = id && (editor.getBlock(id)?.props as { url?: string })?.url
    if (url) save(addressFor(url, place))
  }
  return (
    <>
      <div ref={page}>
        <BlockNoteView
          editor={editor}
          editable={isEditable}
          theme={scheme}
          data-testid="editor"
          className="editor"
          aria-label="Document"
          onClick={download}
        />
      </div>
      <Uploads uploads={files.uploads} onDismiss={files.dismiss} />
    </>
  )
}

function isBlank(blocks: readonly { type: string; content?: unknown }[]) {
  const [only] = blocks
  return blocks.length === 1 && only?.type === 'paragraph' && [only.content].flat().length === 0
}

const fileBlockAround = (clicked: Element) =>
  clicked.closest('.bn-file-name-with-icon')?.closest('[data-id]')?.getAttribute('data-id')

/** Ours is saved; another site's, which no page may save, is opened. */
function save(address: string) {
  const { protocol } = new URL(address, location.origin)
  if (protocol !== 'https:' && protocol !== 'http:') return
  const link = document.createElement('a')
  Object.assign(link, { href: address, download: '', target: '_blank', rel: 'noopener' })
  link.click()
}
