/**
 * Writes documents/formats/schema.json from the editor's real ProseMirror schema: the contract
 * between the page, the converters, the guard and the tests. `npm run schema`.
 *
 * The version is ours: raise it whenever a node or a mark is added, so that pages which do not
 * know it are told to reload instead of deleting it.
 */
import { readFileSync, writeFileSync } from 'node:fs'

import { createServer } from 'vite'

const file = new URL('../../documents/formats/schema.json', import.meta.url)
const { version } = JSON.parse(readFileSync(file, 'utf8'))

const vite = await createServer({ server: { middlewareMode: true }, logLevel: 'error' })
// Through Vite because the schema is TypeScript; in one module so that the core is loaded once.
const { BlockNoteEditor, schema, tiptapExtensions } = await vite.ssrLoadModule(
  '/scripts/schema-entry.ts',
)
const editor = BlockNoteEditor.create({ schema, _tiptapOptions: { extensions: tiptapExtensions } })

const attributes = ({ attrs = {} }) =>
  Object.fromEntries(Object.entries(attrs).map(([name, { default: value }]) => [name, value ?? null]))
const { nodes, marks } = editor.pmSchema
const exported = {
  version,
  nodes: Object.fromEntries(
    Object.entries(nodes).map(([name, { spec }]) => [
      name,
      { content: spec.content ?? '', group: spec.group ?? '', attributes: attributes(spec) },
    ]),
  ),
  marks: Object.fromEntries(
    Object.entries(marks).map(([name, { spec }]) => [name, { attributes: attributes(spec) }]),
  ),
}
writeFileSync(file, `${JSON.stringify(exported, null, 2)}\n`)
await vite.close()
process.exit(0)
