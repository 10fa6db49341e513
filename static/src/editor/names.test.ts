import { expect, test } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import { applyUpdate, Doc } from 'yjs'

import { showWhoTypes } from './names'

test('who types is told from who is only there', () => {
  const here = new Doc()
  const there = new Doc()
  const awareness = new Awareness(here)
  awareness.states.set(there.clientID, {})
  awareness.states.set(7, {})
  const shown: number[] = []
  awareness.on('change', ({ updated }: { updated: number[] }) => shown.push(...updated))
  const stop = showWhoTypes(awareness)
  there.on('update', (update: Uint8Array) => applyUpdate(here, update))

  there.getText().insert(0, 'typed there')
  expect(shown).toEqual([there.clientID])
  here.getText().insert(0, 'typed here')
  expect(shown).toHaveLength(1)
  stop()
  there.getText().insert(0, 'later')
  expect(shown).toHaveLength(1)
  awareness.destroy()
})
