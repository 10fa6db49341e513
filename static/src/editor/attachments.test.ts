// @vitest-environment jsdom
import { describe as story, expect, test } from 'vitest'

import { addressFor, blockTypeFor, isForeign, refusal, upload, UploadError } from './attachments'

const ours = '0b6d6d3e-0000-4000-8000-000000000001'
const other = '0b6d6d3e-0000-4000-8000-000000000002'
const path = (id: string) => `/api/v1/documents/${id}/attachments/aa/plan.png`
const guest = { documentId: ours, link: 'secret', maxFileBytes: 2 ** 20 }
const member = { ...guest, link: null }

story('where a file is shown from', () => {
  test('a member needs nothing but the address', () => {
    expect(addressFor(path(ours), member)).toBe(path(ours))
  })

  test("a guest's page adds the link they came by", () => {
    expect(addressFor(path(ours), guest)).toBe(`${path(ours)}?link=secret`)
    expect(addressFor(location.origin + path(ours), guest)).toBe(`${path(ours)}?link=secret`)
  })

  test.each([path(other), `https://elsewhere.example${path(ours)}`, 'https://x.example/a', '', '::'])(
    'the link goes nowhere else: %s',
    (address) => expect(addressFor(address, guest)).toBe(address),
  )

  test('files of other documents are known', () => {
    expect(isForeign(path(other), member)).toBe(true)
    expect(isForeign(path(ours), member)).toBe(false)
    expect(isForeign(`https://elsewhere.example${path(other)}`, member)).toBe(false)
  })
})

story('which block shows a file', () => {
  const file = (type: string) => ({ id: '', name: '', url: '', type })
  test.each([
    ['image/png', 'image', 'image'],
    ['image/png', 'file', 'file'],
    ['text/plain', 'image', 'file'], // an SVG, for one
    ['image/heic', 'image', 'file'],
    ['video/mp4', 'video', 'video'],
    ['audio/mpeg', 'audio', 'audio'],
    ['application/zip', 'video', 'file'],
  ])('%s in a block for %s: %s', (type, wanted, block) => {
    expect(blockTypeFor(file(type), wanted)).toBe(block)
  })
})

story('why a file is not taken', () => {
  test('too large is said before anything is sent', async () => {
    const file = new File([new Uint8Array(2 ** 20 + 2 ** 19)], 'film.mp4')
    const refused = upload(file, member, () => {})
    await expect(refused).rejects.toThrow(new UploadError('It has 1.5 MB; files may have 1 MB.'))
  })

  test('the server’s words where they help, ours where they do not', () => {
    expect(refusal(415, 'programs are not kept here')).toBe('Programs are not kept here.')
    expect(refusal(413)).toBe('It is too large.') // nginx says so in HTML
    expect(refusal(404, 'no such document')).toContain('any more')
    expect(refusal(500)).toContain('Try again')
  })
})
