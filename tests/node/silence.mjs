// A stock client whose awareness says nothing, for `seconds`: does the server keep it connected?
// In: url, id, token, seconds.
import { closeClient, main, openClient, sleep, synced } from './clients.mjs'

main(async ({ url, id, token, seconds }) => {
  const frames = []
  const client = openClient({ url, id, params: { token }, tap: (frame) => frames.push(frame[0]) })
  client.provider.awareness.setLocalState(null)
  let disconnections = 0
  client.provider.on('connection-close', () => { disconnections++ })
  await synced(client)
  await sleep(seconds * 1000)
  const result = { disconnections, connected: client.provider.wsconnected, frames: frames.length }
  closeClient(client)
  return result
})
