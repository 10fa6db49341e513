import type { DocumentInfo } from '../api'

export type Filter = 'all' | 'mine' | 'shared' | 'starred' | 'trash'

/** Which list is asked for, as the API spells it. */
export function listPath(filter: Filter, words: string): string {
  const query = new URLSearchParams()
  if (filter !== 'all') query.set('filter', filter)
  if (words) query.set('q', words)
  return query.size ? `documents?${query}` : 'documents'
}

/** A further page; documents that changed meanwhile come twice and are kept once. */
export function append(documents: DocumentInfo[], more: DocumentInfo[]): DocumentInfo[] {
  const known = new Set(documents.map((each) => each.id))
  return [...documents, ...more.filter((each) => !known.has(each.id))]
}

export const without = (documents: DocumentInfo[], id: string): DocumentInfo[] =>
  documents.filter((each) => each.id !== id)

/** The list after the server answered with one of its documents: last changed first. */
export function put(
  documents: DocumentInfo[],
  answer: DocumentInfo,
  filter: Filter,
): DocumentInfo[] {
  const others = without(documents, answer.id)
  if (!belongs(answer, filter)) return others
  const place = others.findIndex((each) => each.updated_at < answer.updated_at)
  return place < 0 ? [...others, answer] : others.toSpliced(place, 0, answer)
}

function belongs(document: DocumentInfo, filter: Filter): boolean {
  if ((document.deleted_at !== null) !== (filter === 'trash')) return false
  if (filter === 'mine') return document.role === 'owner'
  if (filter === 'starred') return document.starred
  return filter !== 'shared' || document.role !== 'owner'
}
