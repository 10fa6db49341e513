/**
 * The editor's schema: what a document may hold. A versioned contract with the server
 * (documents/formats/schema.json): an editor deletes what its schema does not know.
 */
import { BlockNoteSchema } from '@blocknote/core'
import { CommentMark } from '@blocknote/core/comments'

export const schema = BlockNoteSchema.create()

// Registered before there is a panel for comments: a mark that is added later would be deleted,
// and its whole paragraph with it, by every page that is still open.
export const tiptapExtensions = [CommentMark]
