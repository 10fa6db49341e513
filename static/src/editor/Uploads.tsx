import './uploads.css'

import { CloseButton, Progress } from '@mantine/core'

import type { Upload } from './useUploads'

type Props = { uploads: Upload[]; onDismiss: (key: number) => void }

/** Files on their way, and those that were not taken, with the reason. */
export function Uploads({ uploads, onDismiss }: Props) {
  return (
    <div className="uploads" data-testid="uploads" aria-live="polite">
      {uploads.map(({ key, name, share, problem }) => (
        <div key={key} className="upload" role={problem === null ? 'status' : 'alert'}>
          <div className="upload-words">
            <span className="upload-name">{name}</span>
            <span className="upload-state">{problem ?? `${Math.round(share * 100)} %`}</span>
          </div>
          {problem === null ? (
            <Progress value={share * 100} size="xs" aria-label={`Uploading ${name}`} />
          ) : (
            <CloseButton size="sm" aria-label="Dismiss" onClick={() => onDismiss(key)} />
          )}
        </div>
      ))}
    </div>
  )
}
