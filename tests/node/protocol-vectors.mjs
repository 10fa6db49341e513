// Makes tests/vectors/protocol.json with the real lib0, y-protocols and Yjs: how they encode
// numbers, texts, frames and state vectors, and updates of every kind that editors send.
// Run by hand: node protocol-vectors.mjs > ../vectors/protocol.json
import * as encoding from 'lib0/encoding'
import * as auth from 'y-protocols/auth'
import * as sync from 'y-protocols/sync'
import * as Y from 'yjs'

const hex = (bytes) => Buffer.from(bytes).toString('hex')
const encoded = (write, ...what) => {
  const encoder = encoding.createEncoder()
  write(encoder, ...what)
  return hex(encoding.toUint8Array(encoder))
}
const frame = (type, write, ...what) => {
  const encoder = encoding.createEncoder()
  encoding.writeVarUint(encoder, type)
  write(encoder, ...what)
  return hex(encoding.toUint8Array(encoder))
}

const docOf = (client, edit) => {
  const doc = new Y.Doc()
  doc.clientID = client
  if (edit) edit(doc)
  return doc
}
const stateOf = (client, edit) => hex(Y.encodeStateAsUpdate(docOf(client, edit)))

const plan = docOf(7, (doc) => doc.getText('text').insert(0, 'Plan'))

const numbers = [0, 1, 127, 128, 300, 16383, 16384, 2 ** 31 - 1, 2 ** 32, 2 ** 53 - 1]
const texts = ['', 'plain', 'Grüße', '日本語', '😀 and 👩‍👩‍👧', 'zero\u0000byte']

const updates = {
  empty: stateOf(1),
  text: stateOf(1, (doc) => doc.getText('t').insert(0, 'hello')),
  'emoji and accents': stateOf(1, (doc) => doc.getText('t').insert(0, 'é😀中')),
  'half of an emoji': stateOf(1, (doc) => {
    doc.getText('t').insert(0, '😀x')
    doc.getText('t').delete(0, 1)
  }),
  'a lone surrogate': stateOf(1, (doc) => doc.getText('t').insert(0, 'a\ud83d')),
  formats: stateOf(1, (doc) => {
    const text = doc.getText('t')
    text.insert(0, 'bold and linked', { bold: true })
    text.format(5, 3, { link: { href: 'https://example.org', title: null } })
    text.format(0, 4, { bold: null })
  }),
  embeds: stateOf(1, (doc) => {
    doc.getText('t').insertEmbed(0, { image: 'x.png', size: [1, { w: 2 }] })
    doc.getText('t').insertEmbed(1, new Y.Map([['k', 'v']]))
  }),
  map: stateOf(1, (doc) => {
    const map = doc.getMap('m')
    const values = [1, -1, 0.5, 1e300, 2 ** 40, -(2 ** 40), true, false, null, undefined, 'text']
    values.forEach((value, n) => map.set(`k${n}`, value))
    map.set('k0', 'again')
    map.delete('k1')
    map.set('bytes', new Uint8Array([1, 2, 3]))
    map.set('big', 123n)
    map.set('deep', { a: [{ b: [{ c: [] }] }] })
  }),
  'nested types': stateOf(1, (doc) => {
    const inner = new Y.Array()
    doc.getMap('m').set('list', inner)
    inner.push([new Y.Map([['x', new Y.Text('deep')]]), 1, [2, [3]]])
    inner.delete(1, 1)
  }),
  xml: stateOf(1, (doc) => {
    const group = new Y.XmlElement('blockGroup')
    const block = new Y.XmlElement('blockContainer')
    block.setAttribute('id', 'b1')
    const paragraph = new Y.XmlElement('paragraph')
    paragraph.setAttribute('level', 1)
    paragraph.insert(0, [new Y.XmlText('words')])
    block.insert(0, [paragraph])
    group.insert(0, [block])
    doc.getXmlFragment('content').insert(0, [group])
  }),
  'undone and redone': stateOf(1, (doc) => {
    const text = doc.getText('t')
    const undo = new Y.UndoManager(text, { captureTimeout: 0 })
    text.insert(0, 'one')
    text.insert(3, ' two')
    undo.undo()
    undo.undo()
    undo.redo()
  }),
  'collected garbage': stateOf(1, (doc) => {
    const array = doc.getArray('a')
    for (let n = 0; n < 20; n++) array.insert(0, [new Y.Map([['n', n]])])
    array.delete(3, 15)
  }),
  'without collecting': (() => {
    const doc = new Y.Doc({ gc: false })
    doc.clientID = 1
    doc.getText('t').insert(0, 'kept for history')
    doc.getText('t').delete(0, 4)
    return hex(Y.encodeStateAsUpdate(doc))
  })(),
  'two authors': (() => {
    const a = docOf(1, (doc) => doc.getText('t').insert(0, 'shared'))
    const b = docOf(4294967295)
    Y.applyUpdate(b, Y.encodeStateAsUpdate(a))
    b.getText('t').insert(3, '---')
    b.getText('t').delete(0, 2)
    return hex(Y.encodeStateAsUpdate(b))
  })(),
  'merged with a gap': (() => {
    const doc = docOf(1)
    const steps = []
    doc.on('update', (update) => steps.push(update))
    for (const word of ['one ', 'two ', 'three ']) doc.getText('t').insert(0, word)
    return hex(Y.mergeUpdates([steps[0], steps[2]]))
  })(),
}

process.stdout.write(
  JSON.stringify(
    {
      numbers: numbers.map((n) => [n, encoded(encoding.writeVarUint, n)]),
      texts: texts.map((text) => [text, encoded(encoding.writeVarString, text)]),
      stateVectors: [
        [{}, hex(Y.encodeStateVector(docOf(1)))],
        [{ 7: 4 }, hex(Y.encodeStateVector(plan))],
      ],
      frames: {
        step1: [hex(Y.encodeStateVector(plan)), frame(0, sync.writeSyncStep1, plan)],
        step2: [hex(Y.encodeStateAsUpdate(plan)), frame(0, sync.writeSyncStep2, plan)],
        update: [
          hex(Y.encodeStateAsUpdate(plan)),
          frame(0, sync.writeUpdate, Y.encodeStateAsUpdate(plan)),
        ],
        denied: ['read-only ✋', frame(2, auth.writePermissionDenied, 'read-only ✋')],
      },
      updates,
    },
    null,
    1,
  ) + '\n',
)
