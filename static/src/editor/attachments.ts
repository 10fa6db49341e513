/**
 * Files of a document: how they get to the server, and by which address they are shown.
 *
 * Blocks hold an address without a share link's token: it is added where a guest's page shows
 * the file, because images are fetched with cookies and nothing else.
 */
import { csrfToken } from '../api'

export type Attachment = { id: string; name: string; url: string; type: string }

/** Which document, for whom: `link` is the token of the share link that a guest came by. */
export type Place = { documentId: string; link: string | null; maxFileBytes: number }

/** Why a file was not taken, in words for whoever sent it. */
export class UploadError extends Error {}

const ATTACHMENT = /^\/api\/v1\/documents\/([0-9a-f-]{36})\/attachments\//

function documentOf(address: string): string | undefined {
  const url = URL.parse(address, location.origin)
  return url?.origin === location.origin ? ATTACHMENT.exec(url.pathname)?.[1] : undefined
}

/** Where this page finds what a block refers to. */
export function addressFor(address: string, { documentId, link }: Place): string {
  if (!link || documentOf(address) !== documentId) return address
  const url = new URL(address, location.origin)
  url.searchParams.set('link', link)
  return url.pathname + url.search
}

/** Whether it is a file of another document, which readers of this one may not be able to see. */
export function isForeign(address: string, { documentId }: Place): boolean {
  const owner = documentOf(address)
  return owner !== undefined && owner !== documentId
}

/** The kind of block that can show this file, `wanted` if that is one. */
export function blockTypeFor({ type }: Attachment, wanted: string): string {
  const [kind] = type.split('/')
  return wanted === kind && (kind !== 'image' || PICTURES.has(type)) ? wanted : 'file'
}

const PICTURES = new Set(['image/png', 'image/jpeg', 'image/gif', 'image/webp', 'image/avif'])

/** Send a file; `onProgress` hears the share that is sent. Throws UploadError. */
export function upload(
  file: File,
  place: Place,
  onProgress: (share: number) => void,
): Promise<Attachment> {
  if (file.size > place.maxFileBytes) {
    const words = `It has ${inMegabytes(file.size)}; files may have ${inMegabytes(place.maxFileBytes)}.`
    return Promise.reject(new UploadError(words))
  }
  const path = `/api/v1/documents/${place.documentId}/attachments`
  const query = new URLSearchParams({ name: file.name, ...(place.link ? { link: place.link } : {}) })
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest() // fetch does not tell how much is sent
    request.open('POST', `${path}?${query}`)
    request.setRequestHeader('X-CSRFToken', csrfToken())
    request.setRequestHeader('Content-Type', 'application/octet-stream')
    request.responseType = 'json'
    request.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0)
    request.onload = () => {
      if (request.status === 201) resolve(request.response as Attachment)
      else reject(new UploadError(refusal(request.status, request.response?.detail)))
    }
    request.onerror = () => reject(new UploadError(unreachable()))
    request.send(file)
  })
}

const unreachable = () =>
  navigator.onLine
    ? 'The server could not be reached. Try again.'
    : 'You are offline. Files can be added when you are back.'

/** What the server's refusal means; its own words where they say more. */
export function refusal(status: number, detail?: string): string {
  if (status === 401 || status === 403 || status === 404)
    return 'You may not add files to this document any more.'
  if (detail && (status === 413 || status === 415)) return sentence(detail)
  if (status === 413) return 'It is too large.'
  if (status === 429) return 'Too many at once. Try again in a moment.'
  return 'That did not work. Try again.'
}

const sentence = (words: string) => `${words.charAt(0).toUpperCase()}${words.slice(1)}.`

const inMegabytes = (bytes: number) =>
  `${(bytes / 2 ** 20).toLocaleString('en', { maximumFractionDigits: bytes < 2 ** 23 ? 1 : 0 })} MB`
