/** What a close code asks of the page: docs/protocol.md, "Close codes". */

export type Verdict =
  | { then: 'retry' } // with the provider's own backoff
  | { then: 'slow-down'; words: string } // after a pause of some seconds
  | { then: 'sleep'; words: string } // when somebody is at the page again
  | { then: 'reload'; words: string }
  | { then: 'stop'; words: string }

const KEPT = 'What you write is kept on this device.'

const VERDICTS: Record<number, Verdict> = {
  4400: stop('This page said something the server did not understand. Reload it to go on.'),
  4401: stop(
    'You are not logged in any more. Log in again to go on; your text stays on this device.',
  ),
  4403: stop('Your access to this document was withdrawn.'),
  4404: stop('This document was deleted.'),
  4409: stop('This document was restored to another version. Reload the page to see it.'),
  4413: stop('This document, or what you pasted, is too large for the server.'),
  4426: {
    then: 'reload',
    words: 'This page is older than the document. Reload it to go on.',
  },
  4508: {
    then: 'sleep',
    words: `The server did not hear from this page for a while and let it rest. Click or type anywhere to go on. ${KEPT}`,
  },
  4529: {
    then: 'slow-down',
    words: `Too much came from here at once. The page waits some seconds, then goes on by itself. ${KEPT}`,
  },
}

/** Any other 44xx: stop, in words. Everything else: try again. */
export function verdictOn(code: number): Verdict {
  if (VERDICTS[code]) return VERDICTS[code]
  if (code < 4400 || code > 4499) return { then: 'retry' }
  return stop('The server ended the connection. Reload the page to try again.')
}

function stop(words: string): Verdict {
  return { then: 'stop', words }
}
