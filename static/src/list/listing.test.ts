import { expect, test } from 'vitest'

import type { DocumentInfo } from '../api'
import { append, listPath, put, without } from './listing'

const alice = { id: 'user:1', name: 'alice', color: '#123456' }

const doc = (id: string, day: number, more: Partial<DocumentInfo> = {}): DocumentInfo => ({
  id,
  title: id,
  role: 'owner',
  updated_at: `2026-11-${String(day).padStart(2, '0')}T12:00:00Z`,
  deleted_at: null,
  starred: false,
  owner: alice,
  people: [alice],
  ...more,
})

const ids = (documents: DocumentInfo[]) => documents.map((each) => each.id).join(' ')
const list = [doc('c', 9), doc('b', 6), doc('a', 3)]

test('words and tabs become a query that survives odd characters', () => {
  expect(listPath('all', '')).toBe('documents')
  expect(listPath('trash', 'a & b')).toBe('documents?filter=trash&q=a+%26+b')
})

test('a document that moved between two pages is listed once', () => {
  expect(ids(append(list, [doc('a', 3), doc('z', 1)]))).toBe('c b a z')
})

test('a renamed document takes its new place and its new title', () => {
  const after = put(list, doc('a', 10, { title: 'A!' }), 'all')
  expect(ids(after)).toBe('a c b')
  expect(after[0]?.title).toBe('A!')
})

test('what comes out of the trash returns to where it was; twice is once', () => {
  const back = doc('b', 6)
  const after = put(without(list, 'b'), back, 'mine')
  expect(ids(after)).toBe('c b a')
  expect(put(after, back, 'mine')).toEqual(after)
})

test('the oldest goes to the end', () => {
  expect(ids(put(list, doc('old', 1), 'all'))).toBe('c b a old')
})

test('what no longer belongs to a tab leaves it', () => {
  expect(ids(put(list, doc('b', 6), 'trash'))).toBe('c a')
  expect(ids(put(list, doc('b', 6, { deleted_at: '2026-11-20T00:00:00Z' }), 'all'))).toBe('c a')
  expect(ids(put(list, doc('b', 6), 'shared'))).toBe('c a')
  expect(ids(put(list, doc('b', 6, { role: 'editor' }), 'mine'))).toBe('c a')
  expect(ids(put(list, doc('b', 6), 'starred'))).toBe('c a')
  expect(ids(put(list, doc('b', 6, { starred: true }), 'starred'))).toBe('c b a')
})
