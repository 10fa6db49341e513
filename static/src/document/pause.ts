/** Pauses between two connections: each calls back once, or never if it is ended before. */

export type End = () => void

const SLOW_DOWN_MS = 5000

/** Five to ten seconds: pages that were sent away together do not come back together. */
export function slowDown(resume: () => void): End {
  const timer = setTimeout(resume, SLOW_DOWN_MS * (1 + Math.random()))
  return () => clearTimeout(timer)
}

/** Until the page is looked at again, or somebody clicks or types in it. */
export function sleep(resume: () => void): End {
  const over = new AbortController()
  const wake = () => {
    if (document.visibilityState !== 'visible') return
    over.abort()
    resume()
  }
  const { signal } = over
  document.addEventListener('visibilitychange', wake, { signal })
  window.addEventListener('pointerdown', wake, { signal, capture: true })
  window.addEventListener('keydown', wake, { signal, capture: true })
  return () => over.abort()
}
