import type { RoleName } from '../api'
import type { ConnectionState } from './connection'

const CONNECTION = {
  live: 'Live',
  connecting: 'Connecting…',
  offline: 'Offline',
  paused: 'Paused',
  stopped: 'Disconnected',
}

type Props = Pick<ConnectionState, 'connection' | 'save'> & { role: RoleName }

/** What is true of the connection and of the text, in words, always in sight. */
export function States({ connection, save, role }: Props) {
  const mayWrite = role === 'editor' || role === 'owner'
  return (
    <div className="states" role="status" aria-live="polite">
      <span className="state" data-testid="connection" data-state={connection}>
        <i className="dot" aria-hidden="true" />
        {CONNECTION[connection]}
      </span>
      <span
        className="state"
        data-testid="save-state"
        data-state={save.state}
        hidden={!mayWrite && save.state === 'saved'}
      >
        {save.words}
      </span>
      {!mayWrite && <span className="state view-only">View only</span>}
    </div>
  )
}
