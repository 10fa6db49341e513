/**
 * Whether what was typed is safe. "Saved" only when the server has said so of everything that
 * was sent; the server says so only after the commit.
 */

export type SaveState = {
  isSynced: boolean // connected, and the first exchange is over
  sent: number // sync messages with an update, sent on this connection
  acked: number // of those, committed
  unsaved: number // local changes since everything was last known to be saved
}

export type SaveEvent =
  | { type: 'connecting' }
  | { type: 'synced' }
  | { type: 'sent' }
  | { type: 'acked'; count: number }
  | { type: 'edited' }

export const initial = (unsaved = 0): SaveState => ({ isSynced: false, sent: 0, acked: 0, unsaved })

export function next(state: SaveState, event: SaveEvent): SaveState {
  const after = step(state, event)
  return isSaved(after) ? { ...after, unsaved: 0 } : after
}

function step(state: SaveState, event: SaveEvent): SaveState {
  switch (event.type) {
    case 'connecting':
      return { ...state, isSynced: false, sent: 0, acked: 0 }
    case 'synced':
      return { ...state, isSynced: true }
    case 'sent':
      return { ...state, sent: state.sent + 1 }
    case 'acked':
      return { ...state, acked: Math.max(state.acked, event.count) }
    case 'edited':
      return { ...state, unsaved: state.unsaved + 1 }
  }
}

export const isSaved = (state: SaveState) => state.isSynced && state.acked >= state.sent

export function describe(state: SaveState): { state: 'saved' | 'saving' | 'offline'; words: string } {
  if (isSaved(state)) return { state: 'saved', words: 'Saved' }
  if (state.isSynced) return { state: 'saving', words: 'Saving…' }
  if (state.unsaved === 0) return { state: 'offline', words: 'No unsaved changes' }
  const changes = state.unsaved === 1 ? '1 change' : `${state.unsaved} changes`
  return { state: 'offline', words: `${changes} kept on this device` }
}
