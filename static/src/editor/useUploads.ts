import { useCallback, useMemo, useRef, useState } from 'react'

import {
  addressFor,
  type Attachment,
  blockTypeFor,
  isForeign,
  type Place,
  upload,
  UploadError,
} from './attachments'

/** A file under way, or one that was not taken. */
export type Upload = { key: number; name: string; share: number; problem: string | null }

type Block = { id: string; type: string; props: Record<string, unknown> }
type Editor = {
  getBlock(id: string): Block | undefined
  updateBlock(id: string, update: never): unknown
  forEachBlock(visit: (block: Block) => boolean): void
}

/** What BlockNote asks for when a file is chosen, dropped or pasted, and what becomes of it. */
export function useUploads(place: Place) {
  const [uploads, setUploads] = useState<Upload[]>([])
  const editor = useRef<Editor | null>(null)
  const count = useRef(0)

  const dismiss = useCallback(
    (key: number) => setUploads((all) => all.filter((each) => each.key !== key)),
    [],
  )

  const send = useCallback(
    async (file: File): Promise<Attachment | null> => {
      const key = count.current++
      const change = (part: Partial<Upload>) =>
        setUploads((all) => all.map((each) => (each.key === key ? { ...each, ...part } : each)))
      setUploads((all) => [...all, { key, name: file.name, share: 0, problem: null }])
      try {
        const attachment = await upload(file, place, (share) => change({ share }))
        dismiss(key)
        return attachment
      } catch (error) {
        if (!(error instanceof UploadError)) throw error
        change({ problem: error.message })
        return null
      }
    },
    [place, dismiss],
  )

  const options = useMemo(
    () => ({
      /** Answers with what the block becomes; an empty paragraph if the file was not taken. */
      async uploadFile(file: File, blockId?: string) {
        const wanted = (blockId && editor.current?.getBlock(blockId)?.type) || 'file'
        const made = await send(file)
        if (made === null) return { type: 'paragraph', props: {} }
        return { type: blockTypeFor(made, wanted), props: { name: made.name, url: made.url } }
      },
      resolveFileUrl: async (address: string) => addressFor(address, place),
      /** A picture from another document becomes this one's: its readers may not see the other. */
      pasteHandler({ defaultPasteHandler }: { defaultPasteHandler: () => boolean | undefined }) {
        // Only what is pasted here: somebody else may have put the address of a file into this
        // document that they may not see, and the paster may.
        const before = foreignFiles()
        const isDone = defaultPasteHandler()
        for (const [block, url] of foreignFiles().values())
          if (before.get(block.id)?.[1] !== url) void adopt(block, url)
        return isDone
      },
    }),
    [place, send],
  )

  function foreignFiles() {
    const found = new Map<string, [Block, string]>()
    editor.current?.forEachBlock((block) => {
      const { url } = block.props
      if (typeof url === 'string' && isForeign(url, place)) found.set(block.id, [block, url])
      return true
    })
    return found
  }

  async function adopt(block: Block, url: string) {
    const response = await fetch(url).catch(() => null)
    if (!response?.ok) return // it stays as it is: whoever may see the other document sees it
    const made = await send(new File([await response.blob()], String(block.props['name'] ?? '')))
    const still = editor.current?.getBlock(block.id)
    if (made && still?.props['url'] === url)
      editor.current?.updateBlock(block.id, { props: { url: made.url } } as never)
  }

  return { uploads, dismiss, options, editor }
}
