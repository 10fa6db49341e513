import type { Awareness } from 'y-protocols/awareness'
import type { Transaction } from 'yjs'

const NAME = '.bn-collaboration-cursor__label'
const AFTER_MS = 30 // carets have moved by then
const AGAIN_AFTER_MS = 1000 // half as long as BlockNote shows a name
const PADDING_PX = 12

/**
 * BlockNote shows the name on a caret for two seconds after its owner's awareness has changed.
 * Typing does not change it: a caret is kept by the character after it, which stays the same.
 */
export function showWhoTypes(awareness: Awareness) {
  const shownAt = new Map<number, number>()
  const note = ({ local, beforeState, afterState }: Transaction) => {
    if (local) return
    const now = Date.now()
    const updated = [...awareness.states.keys()].filter(
      (client) =>
        (afterState.get(client) ?? 0) > (beforeState.get(client) ?? 0) &&
        now - (shownAt.get(client) ?? 0) >= AGAIN_AFTER_MS,
    )
    updated.forEach((client) => shownAt.set(client, now))
    if (updated.length) awareness.emit('change', [{ added: [], updated, removed: [] }, 'typing'])
  }
  awareness.doc.on('afterTransaction', note)
  return () => awareness.doc.off('afterTransaction', note)
}

/** Names on carets that would be cut off at the right edge of `page` unfold further left. */
export function keepNamesWhole(awareness: Awareness, page: HTMLElement) {
  const place = (name: HTMLElement) => {
    if (!name.closest('[data-active]')) {
      name.style.marginInlineStart = '' // folded: a dot on its caret
      return
    }
    const start = name.parentElement!.getBoundingClientRect().left
    const beyond = start + name.scrollWidth + PADDING_PX - page.getBoundingClientRect().right
    name.style.marginInlineStart = beyond > 0 ? `${-beyond}px` : ''
  }
  const unfolds = ({ target }: Event) => {
    if (target instanceof HTMLElement && target.matches(NAME)) place(target)
  }
  let timer: ReturnType<typeof setTimeout> | undefined
  const moves = () => {
    timer ??= setTimeout(() => {
      timer = undefined
      page.querySelectorAll<HTMLElement>(NAME).forEach(place)
    }, AFTER_MS)
  }
  page.addEventListener('transitionrun', unfolds)
  awareness.on('change', moves)
  awareness.doc.on('update', moves)
  return () => {
    page.removeEventListener('transitionrun', unfolds)
    awareness.off('change', moves)
    awareness.doc.off('update', moves)
    clearTimeout(timer)
  }
}
