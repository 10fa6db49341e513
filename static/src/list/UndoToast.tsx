import { ActionIcon, Button } from '@mantine/core'
import { useEffect, useState } from 'react'

import { CloseIcon } from './icons'
import css from './list.module.css'

const SHOWN_MS = 10_000

type Props = { title: string; onUndo: () => void; onClose: () => void }

/** Says what went into the trash. Leaves by itself, but not from under a pointer or the focus. */
export function UndoToast({ title, onUndo, onClose }: Props) {
  const [isHeld, setHeld] = useState(false)
  useEffect(() => {
    if (isHeld) return
    const timer = setTimeout(onClose, SHOWN_MS)
    return () => clearTimeout(timer)
  }, [isHeld, onClose])
  return (
    <div
      className={css.toast}
      role="status"
      onPointerEnter={() => setHeld(true)}
      onPointerLeave={() => setHeld(false)}
      onFocus={() => setHeld(true)}
      onBlur={() => setHeld(false)}
    >
      <span className={css.toastText}>
        <span className={css.toastTitle}>“{title}”</span> is in the trash
      </span>
      <Button size="compact-sm" variant="white" color="dark" onClick={onUndo}>
        Undo
      </Button>
      <ActionIcon className={css.toastClose} variant="transparent" aria-label="Dismiss" onClick={onClose}>
        <CloseIcon />
      </ActionIcon>
    </div>
  )
}
