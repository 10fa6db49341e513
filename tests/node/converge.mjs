// Clients edit one document at once, at random, some of them offline for a while; at the end all
// of them and the server hold the same. In: url, id, token, snapshot, apiToken, kinds, edits, seed.
import { closeClient, canonical, differences, fetchSnapshot, main, openClient, sleep, stateOf, synced, until } from './clients.mjs'
import { edit, randomFrom } from './edits.mjs'

main(async ({ url, id, token, snapshot, apiToken, kinds, edits, seed }) => {
  const random = randomFrom(seed)
  const clients = kinds.map((kind) => openClient({ kind, url, id, params: { token } }))
  await Promise.all(clients.map(synced))
  const started = Date.now()
  let interruptions = 0
  for (let round = 0; round < edits; round++) {
    for (const client of clients) {
      edit(client, random)
      if (random.chance(0.02)) { client.provider.disconnect(); interruptions++ }
      // A socket that dies without a goodbye; the provider comes back by itself.
      if (random.chance(0.01) && client.provider.ws) { client.provider.ws.terminate(); interruptions++ }
      if (!client.provider.shouldConnect && random.chance(0.2)) client.provider.connect()
    }
    if (random.chance(0.5)) await sleep(random.below(5))
  }
  clients.forEach(({ provider }) => provider.connect())
  await Promise.all(clients.map(synced))
  const reference = clients[0]
  await until(() => clients.every((client) => stateOf(client) === stateOf(reference)), {
    within: 20_000,
    what: 'convergence',
  }).catch((error) => { throw new Error(`${error.message}\n${differences(clients.map(stateOf))}`) })
  let stored
  await until(async () => {
    stored = canonical(await fetchSnapshot(snapshot, apiToken))
    return stored === stateOf(reference)
  }, { what: 'equality with the snapshot' }).catch((error) => {
    throw new Error(`${error.message}\n${differences([stateOf(reference), stored])}`)
  })
  const late = openClient({ kind: kinds.at(-1), url, id, params: { token } })
  await synced(late)
  await until(() => stateOf(late) === stored, { what: 'a late joiner' })
  const state = JSON.parse(stored)
  clients.concat(late).forEach(closeClient)
  return {
    clients: clients.length,
    interruptions,
    bytes: stored.length,
    pending: state.pending,
    contents: state.contents,
    ms: Date.now() - started,
  }
})
