// Stock Yjs clients for the tests: yjs 13 with y-websocket 3, @y/y 14 with @y/websocket 4.
// Nothing in them is changed; `tap` listens at their socket.
import WebSocket from 'ws'
import * as Y13 from 'yjs'
import * as Y14 from '@y/y'
import { WebsocketProvider as Provider13 } from 'y-websocket'
import { WebsocketProvider as Provider14 } from '@y/websocket'

export { Y13 }

const KINDS = {
  'y-websocket': { Y: Y13, Provider: Provider13 },
  '@y/websocket': { Y: Y14, Provider: Provider14 },
}

// options: kind, url (without the id), id, params, tap(frame), doc
export function openClient ({ kind = 'y-websocket', url, id, params = {}, tap = null, doc = null }) {
  const { Y, Provider } = KINDS[kind]
  doc ??= new Y.Doc()
  const provider = new Provider(url, id, doc, {
    params,
    disableBc: true,
    maxBackoffTime: 300,
    WebSocketPolyfill: tap === null ? WebSocket : tapped(tap),
  })
  provider.on('connection-error', () => {})
  return { kind, Y, doc, provider }
}

function tapped (tap) {
  return class extends WebSocket {
    constructor (...args) {
      super(...args)
      this.addEventListener('message', (event) => tap(new Uint8Array(event.data), this))
    }
  }
}

export function closeClient ({ provider, doc }) {
  provider.destroy()
  provider.awareness.destroy()
  doc.destroy()
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

export async function until (condition, { within = 10_000, what = 'the condition' } = {}) {
  const deadline = Date.now() + within
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > deadline) throw new Error(`${what}: not within ${within} ms`)
    await sleep(5)
  }
}

export const synced = (client) => until(() => client.provider.synced, { what: 'synced' })

export async function fetchSnapshot (url, token) {
  const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } })
  if (!answer.ok) throw new Error(`snapshot: HTTP ${answer.status}`)
  return new Uint8Array(await answer.arrayBuffer())
}

// Everything a state says, in one comparable text: contents, state vector, deletions, and
// whether anything still waits for what never came.
export function canonical (update) {
  const doc = new Y13.Doc()
  Y13.applyUpdate(doc, update)
  const contents = {
    text: doc.getText('text').toDelta(),
    map: sorted(doc.getMap('map').toJSON()),
    array: doc.getArray('array').toJSON(),
    content: doc.getXmlFragment('content').toString(),
  }
  const { sv, ds } = Y13.snapshot(doc)
  const pending = doc.store.pendingStructs !== null || doc.store.pendingDs !== null
  return JSON.stringify({ contents, clocks: byClient(sv), deleted: byClient(ds.clients), pending })
}

// Which parts of canonical states differ, and how they group: for error messages.
export function differences (states) {
  const parsed = states.map((state) => JSON.parse(state)).map(({ contents, ...rest }) => ({ ...contents, ...rest }))
  return Object.keys(parsed[0])
    .map((part) => [part, parsed.map((state) => JSON.stringify(state[part]))])
    .filter(([, values]) => new Set(values).size > 1)
    .map(([part, values]) => {
      const distinct = [...new Set(values)]
      const groups = values.map((value) => distinct.indexOf(value)).join(' ')
      let at = 0
      while (distinct.every((value) => value[at] === distinct[0][at])) at++
      const excerpts = distinct.map((value) => `    …${value.slice(Math.max(0, at - 60), at + 60)}…`)
      return `  ${part} differ, groups ${groups}:\n${excerpts.join('\n')}`
    }).join('\n')
}

const byClient = (map) => [...map].sort(([a], [b]) => a - b)

function sorted (value) {
  if (Array.isArray(value)) return value.map(sorted)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key])]))
}

export const stateOf = ({ Y, doc }) => canonical(Y.encodeStateAsUpdate(doc))

// One JSON argument in, one JSON line out, exit code 1 with the reason on stderr.
export async function main (work) {
  try {
    const result = await work(JSON.parse(process.argv[2]))
    process.stdout.write(JSON.stringify(result) + '\n', () => process.exit(0))
  } catch (error) {
    process.stderr.write(`${error.stack}\n`, () => process.exit(1))
  }
}
