// What a client may take for a confirmation. In: url, id, token, snapshot, apiToken, kind, ack.
// `echo`: an Update frame with the client's own edit; `count`: message 100. At that very moment
// the edit must be committed, so the snapshot is asked for each of them.
import * as decoding from 'lib0/decoding'
import { Y13, closeClient, fetchSnapshot, main, openClient, sleep, until } from './clients.mjs'

const EDITS = 20

function ownClock (frame, clientId) {
  const decoder = decoding.createDecoder(frame)
  if (decoding.readVarUint(decoder) !== 0 || decoding.readVarUint(decoder) === 0) return 0
  return Y13.parseUpdateMeta(decoding.readVarUint8Array(decoder)).to.get(clientId) ?? 0
}

function savedCount (frame) {
  const decoder = decoding.createDecoder(frame)
  if (decoding.readVarUint(decoder) !== 100) return 0
  const said = JSON.parse(decoding.readVarString(decoder))
  return said.type === 'saved' ? said.count : 0
}

main(async ({ url, id, token, snapshot, apiToken, kind, ack }) => {
  const types = new Set()
  const checks = []
  let echoed = 0
  let saved = 0
  const events = []
  const clock = async (least) => {
    const stored = await fetchSnapshot(snapshot, apiToken)
    const now = Y13.parseUpdateMeta(stored).to.get(client.doc.clientID) ?? 0
    if (now < least) throw new Error(`confirmed ${least}, but committed are ${now}`)
  }
  const tap = (frame) => {
    types.add(frame[0])
    const echo = ownClock(frame, client.doc.clientID)
    if (echo > echoed) { echoed = echo; checks.push(clock(echo)) }
    const count = savedCount(frame)
    // The first message that counts is the answer to the server's SyncStep1: no edit.
    if (count > saved) { saved = count; checks.push(clock(count - 1)) }
  }
  const client = openClient({ kind, url, id, params: ack ? { token, ack } : { token }, tap })
  // Stock clients complain about a message type that they do not know, so ours is not sent unasked.
  if (ack === 'count') client.provider.messageHandlers[100] = () => {}
  client.provider.on('synced', (state) => events.push(state))
  await until(() => client.provider.synced, { what: 'synced' })
  const text = client.Y.Type ? client.doc.get('text') : client.doc.getText('text')
  for (let number = 0; number < EDITS; number++) {
    text.insert(text.length, 'x')
    await sleep(number % 4)
  }
  if (ack === 'echo') await until(() => echoed === EDITS, { what: 'the last echo' })
  if (ack === 'count') await until(() => saved === EDITS + 1, { what: 'the last count' })
  await until(async () => {
    await Promise.all(checks)
    return Y13.parseUpdateMeta(await fetchSnapshot(snapshot, apiToken)).to.get(client.doc.clientID) === EDITS
  }, { what: 'all committed' })
  const result = { events: [...events], echoed, saved, types: [...types].sort((a, b) => a - b), checks: checks.length }
  closeClient(client)
  return result
})
