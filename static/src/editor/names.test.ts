import { expect, test, vi } from 'vitest'
import { Awareness } from 'y-protocols/awareness'
import { applyUpdate, Doc } from 'yjs'

import { showWhoTypes } from './names'

test('who types is told from who is only there, once a second', () => {
  vi.useFakeTimers()
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
  there.getText().insert(0, 'and there')
  expect(shown).toHaveLength(1)
  vi.advanceTimersByTime(1000)
  there.getText().insert(0, 'a second later')
  expect(shown).toEqual([there.clientID, there.clientID])
  stop()
  vi.advanceTimersByTime(1000)
  there.getText().insert(0, 'nobody looks')
  expect(shown).toHaveLength(2)
  awareness.destroy()
  vi.useRealTimers()
})
