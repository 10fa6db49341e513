import { describe as story, expect, test } from 'vitest'

import { describe, initial, next, type SaveEvent } from './saveState'

const after = (...events: SaveEvent[]) => describe(events.reduce(next, initial()))
const connected: SaveEvent[] = [
  { type: 'connecting' },
  { type: 'sent' },
  { type: 'synced' },
  { type: 'acked', count: 1 },
]

story('what the page says of the text', () => {
  test('it is saved once the server has committed everything', () => {
    expect(after(...connected).state).toBe('saved')
  })

  test('an edit is saving until its ack', () => {
    const edited: SaveEvent[] = [...connected, { type: 'edited' }, { type: 'sent' }]
    expect(after(...edited).state).toBe('saving')
    expect(after(...edited, { type: 'acked', count: 2 }).state).toBe('saved')
  })

  test('an old ack does not count for a new edit', () => {
    const edited: SaveEvent[] = [...connected, { type: 'edited' }, { type: 'sent' }]
    expect(after(...edited, { type: 'acked', count: 1 }).state).toBe('saving')
  })

  test('a lost connection is never called saved, and the changes are counted', () => {
    const lost: SaveEvent[] = [...connected, { type: 'connecting' }]
    expect(after(...lost)).toEqual({ state: 'offline', words: 'No unsaved changes' })
    expect(after(...lost, { type: 'edited' }, { type: 'edited' }).words).toBe(
      '2 changes kept on this device',
    )
  })

  test('coming back saves what was kept, and counts from nothing again', () => {
    const back: SaveEvent[] = [...connected, { type: 'connecting' }, { type: 'edited' }, ...connected]
    expect(after(...back).state).toBe('saved')
    expect(after(...back, { type: 'connecting' }).words).toBe('No unsaved changes')
  })
})
