// Makes tests/vectors/awareness.json with the real y-protocols: how it encodes, and how a client
// takes what our server sends. Run by hand: node awareness-vectors.mjs > ../vectors/awareness.json
import * as Y from 'yjs'
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness'

const hex = (bytes) => Buffer.from(bytes).toString('hex')

function clientWith (id, ...states) {
  const doc = new Y.Doc()
  doc.clientID = id
  const awareness = new Awareness(doc)
  states.forEach((state) => awareness.setLocalState(state))
  const vector = {
    client: id,
    clock: awareness.meta.get(id).clock,
    state: awareness.getLocalState(),
    encoded: hex(encodeAwarenessUpdate(awareness, [id])),
  }
  awareness.destroy()
  doc.destroy()
  return vector
}

process.stdout.write(JSON.stringify([
  clientWith(1),
  clientWith(42, { user: { name: 'Zoë 😀' }, cursor: { anchor: 3, head: 1.5 } }),
  clientWith(300, { a: [1, { b: null }] }, null),
  clientWith(4294967295, { text: 'line\nbreak "quoted" \\ \u2028 \ud800' }, { text: '' }),
], null, 1) + '\n')
process.exit(0)
