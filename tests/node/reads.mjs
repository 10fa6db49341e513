// A new client reads a document that a trace was replayed into. In: trace, url, id, token.
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { closeClient, main, openClient, synced } from './clients.mjs'

main(async ({ trace, url, id, token }) => {
  const { endContent } = JSON.parse(gunzipSync(readFileSync(trace)).toString())
  const client = openClient({ url, id, params: { token } })
  await synced(client)
  const equal = client.doc.getText('text').toString() === endContent
  closeClient(client)
  return { equal }
})
