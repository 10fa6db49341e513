export { BlockNoteEditor } from '@blocknote/core'
export { schema, tiptapExtensions } from '../src/editor/schema'
