// Makes the edits that the generator sends: `node updates.mjs FILE`.
//
// Each writer types paragraph after paragraph of its own, seven characters at a time: a token
// that says whose edit it is and which (generator/token.h). Real updates of real Yjs documents,
// each writer's independent of all others'.
// Little-endian: u32 writers; for each u32 updates; for each u16 length and the bytes.
import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import * as Y from 'yjs'

const WRITERS = 200
const PARAGRAPH = 200 // edits
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

// The fewer write, the more each may have to.
const editsOf = writer => (writer < 2 ? 600_000 : writer < 10 ? 60_000 : writer < 50 ? 20_000 : 4_000)

const digits = (number, length) =>
  length === 0 ? '' : digits(Math.floor(number / 62), length - 1) + DIGITS[number % 62]

const token = (writer, number) => `~${digits(writer, 2)}${digits(number, 4)}`

const newParagraph = doc => {
  const paragraph = new Y.XmlElement('paragraph')
  const words = new Y.XmlText()
  doc.getXmlFragment('content').push([paragraph])
  paragraph.insert(0, [words])
  return words
}

const streamOf = writer => {
  const doc = new Y.Doc()
  doc.clientID = 0x10000000 + writer * 7919
  const updates = Buffer.alloc(editsOf(writer) * 64)
  let length = 0
  doc.on('update', update => {
    length = updates.writeUInt16LE(update.length, length)
    updates.set(update, length)
    length += update.length
  })
  let words
  for (let number = 0; number < editsOf(writer); number++) {
    doc.transact(() => {
      if (number % PARAGRAPH === 0) words = newParagraph(doc)
      words.insert(words.length, token(writer, number))
    })
  }
  return updates.subarray(0, length)
}

const number = value => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

const file = createWriteStream(process.argv[2])
file.write(number(WRITERS))
for (let writer = 0; writer < WRITERS; writer++) {
  file.write(number(editsOf(writer)))
  if (!file.write(streamOf(writer))) await once(file, 'drain')
}
file.end()
