// Replays recorded editing over the running server. In: trace (file), url, id, token, snapshot,
// apiToken, and `merge` false for a trace of one author.
//
// Several authors: each edits a replica that holds exactly what they had seen, as `parents`
// records it, and a stock client beside it talks to the server. An author's next edit waits until
// everything they had seen by then has come through the server to their client. Clients' frames
// may carry several edits merged, so what is handed on to the replica are the other author's own
// updates, each only after the client has it.
import { readFileSync } from 'node:fs'
import { setImmediate as breathe } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { Y13 as Y, closeClient, differences, fetchSnapshot, main, openClient, stateOf, synced, until } from './clients.mjs'

const TEXT = 'text'

const textOf = (doc) => doc.getText(TEXT).toString()

function apply (doc, patches) {
  const text = doc.getText(TEXT)
  doc.transact(() => {
    for (const [place, deleted, inserted] of patches) {
      if (deleted > 0) text.delete(place, deleted)
      if (inserted !== '') text.insert(place, inserted)
    }
  })
}

// For each transaction: how many of each author's transactions it had seen, its own included.
function versions (txns, authors) {
  const seen = []
  for (const { parents, agent } of txns) {
    const version = new Array(authors).fill(0)
    for (const parent of parents) {
      seen[parent].forEach((count, author) => { version[author] = Math.max(version[author], count) })
    }
    version[agent]++
    seen.push(version)
  }
  return seen
}

function holds (doc, update) {
  const { structs, ds } = update.decoded
  const store = doc.store
  const clock = (client) => Y.getState(store, client)
  if (structs.some(({ id, length }) => clock(id.client) < id.clock + length)) return false
  for (const [client, ranges] of ds.clients) {
    for (const range of ranges) {
      for (let at = range.clock; at < range.clock + range.len; at++) {
        if (clock(client) <= at || !Y.getItem(store, Y.createID(client, at)).deleted) return false
      }
    }
  }
  return true
}

class Author {
  constructor (number, client) {
    this.number = number
    this.client = client
    this.replica = new Y.Doc()
    // In one place two inserts do compete, and Yjs puts the lower client id first: in the order
    // of the authors that gives the recorded text, in the other order a different, equally
    // correct one.
    this.replica.clientID = 1000 + number
    this.made = [] // own updates, in order
    this.arrived = [] // per author: how many of theirs have come through the server
    this.applied = [] // … and how many of those the replica has been given
    this.wake = () => {}
    this.replica.on('update', (update, origin) => {
      if (origin !== null) return
      this.made.push({ update, decoded: Y.decodeUpdate(update) })
      Y.applyUpdate(client.doc, update, 'author')
    })
    client.doc.on('update', () => this.wake())
  }

  hasArrived (other, count) {
    const { arrived } = this
    while (arrived[other.number] < count) {
      const next = other.made[arrived[other.number]]
      if (next === undefined || !holds(this.client.doc, next)) return false
      arrived[other.number]++
    }
    return true
  }

  async waitFor (other, count) {
    let waited = false
    while (!this.hasArrived(other, count)) {
      waited = true
      await new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(
          `author ${this.number} waits for edit ${count} of author ${other.number}`)), 30_000)
        this.wake = () => { clearTimeout(timer); resolve() }
      })
    }
    return waited
  }

  async write (txns, seen, authors) {
    let waits = 0
    let since = 0
    for (let index = 0; index < txns.length; index++) {
      if (txns[index].agent !== this.number) continue
      for (const other of authors) {
        if (other === this) continue
        const count = seen[index][other.number]
        if (await this.waitFor(other, count)) { waits++; since = 0 }
        while (this.applied[other.number] < count) {
          Y.applyUpdate(this.replica, other.made[this.applied[other.number]++].update, 'other')
        }
      }
      apply(this.replica, txns[index].patches)
      if (++since % 50 === 0) await breathe()
    }
    return waits
  }
}

async function writeTogether (options, txns, authorCount) {
  const seen = versions(txns, authorCount)
  const authors = []
  for (let number = 0; number < authorCount; number++) {
    const author = new Author(number, openClient(options))
    author.arrived = new Array(authorCount).fill(0)
    author.applied = new Array(authorCount).fill(0)
    authors.push(author)
  }
  await Promise.all(authors.map(({ client }) => synced(client)))
  const waits = await Promise.all(authors.map((author) => author.write(txns, seen, authors)))
  return { clients: authors.map(({ client }) => client), waits: waits.reduce((a, b) => a + b) }
}

async function writeAlone (options, txns) {
  const client = openClient(options)
  await synced(client)
  for (let index = 0; index < txns.length; index++) {
    apply(client.doc, txns[index].patches)
    // Let the socket work now and then; as fast as it goes otherwise.
    if (index % 200 === 0) await breathe()
  }
  return { clients: [client], waits: 0 }
}

main(async ({ trace, url, id, token, snapshot, apiToken, merge = true }) => {
  const { txns, endContent, numAgents = 1 } = JSON.parse(gunzipSync(readFileSync(trace)).toString())
  const options = { url, id, params: { token } }
  const started = Date.now()
  const { clients, waits } = merge
    ? await writeTogether(options, txns, numAgents)
    : await writeAlone(options, txns)
  const typed = Date.now() - started
  await until(() => clients.every(({ doc }) => textOf(doc) === endContent), {
    within: 60_000,
    what: 'the clients at the end',
  }).catch((error) => {
    const states = clients.map(stateOf)
    throw new Error(`${error.message}, typed in ${typed} ms, ${waits} waits\n${differences(states)}`)
  })
  const interruptions = clients.filter(({ provider }) => provider.wsUnsuccessfulReconnects > 0).length
  await until(async () => {
    const stored = new Y.Doc()
    Y.applyUpdate(stored, await fetchSnapshot(snapshot, apiToken))
    return textOf(stored) === endContent
  }, { within: 120_000, what: 'the snapshot at the end' })
  const stored = Date.now() - started
  const late = openClient(options)
  await synced(late)
  await until(() => textOf(late.doc) === endContent, { what: 'a late joiner' })
  clients.concat(late).forEach(closeClient)
  return { edits: txns.length, characters: endContent.length, waits, typed, stored, interruptions }
})
