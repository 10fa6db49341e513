import { expect, test } from 'vitest'

import { when } from './when'

const now = Date.parse('2026-11-20T12:00:00Z')

test.each([
  ['2026-11-20T11:59:30Z', 'just now'],
  ['2026-11-20T11:57:00Z', '3 minutes ago'],
  ['2026-11-19T11:00:00Z', 'yesterday'],
  ['2026-09-10T11:00:00Z', '2 months ago'],
])('%s was %s', (iso, words) => {
  expect(when(iso, now)).toBe(words)
})
