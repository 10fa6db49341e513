/** What a close code asks of the page: docs/protocol.md, "Close codes". */

export type Verdict = { retry: true } | { retry: false; reload: boolean; words: string }

const WORDS: Record<number, string> = {
  4400: 'This page said something the server did not understand. Reload it to go on.',
  4401: 'You are not logged in any more. Log in again to go on; your text stays on this device.',
  4403: 'Your access to this document was withdrawn.',
  4404: 'This document was deleted.',
  4409: 'This document was restored to another version. Reload the page to see it.',
  4413: 'This document, or what you pasted, is too large for the server.',
  4426: 'This page is older than the document. Reload it to go on.',
}

/** 44xx: stop, in words. Everything else: try again. */
export function verdictOn(code: number): Verdict {
  if (code < 4400 || code > 4499) return { retry: true }
  return {
    retry: false,
    reload: code === 4426,
    words: WORDS[code] ?? 'The server ended the connection. Reload the page to try again.',
  }
}
