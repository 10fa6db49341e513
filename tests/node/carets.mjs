// Who sees whom: stock clients that come, move, reconnect and go. In: url, id, token, kind.
import { closeClient, main, openClient, synced, until } from './clients.mjs'

const seenBy = ({ provider }) => [...provider.awareness.getStates()]
  .filter(([client]) => client !== provider.awareness.clientID)
  .map(([, state]) => state)

main(async ({ url, id, token, kind }) => {
  const open = () => openClient({ kind, url, id, params: { token } })
  const [first, second] = [open(), open()]
  await Promise.all([synced(first), synced(second)])
  // Neither has set anything: y-protocols begins at clock 0, which no client accepts of another.
  await until(() => seenBy(second).length === 1, { within: 2000, what: 'a client that said nothing is seen' })
  first.provider.awareness.setLocalState({ cursor: 7, user: { name: 'The Queen' } })
  const [state] = await until(() => {
    const states = seenBy(second)
    return states[0]?.cursor === 7 && states
  }, { within: 2000, what: 'the cursor is seen' })
  first.provider.disconnect()
  await until(() => seenBy(second).length === 0, { within: 2000, what: 'the departure is seen' })
  first.provider.connect()
  await until(() => seenBy(second)[0]?.cursor === 7, { within: 2000, what: 'the return is seen' })
  first.provider.ws.terminate()
  await synced(first)
  await until(() => seenBy(second)[0]?.cursor === 7, { within: 2000, what: 'the cursor after a broken line' })
  ;[first, second].forEach(closeClient)
  return state
})
