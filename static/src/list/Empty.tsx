import { Button } from '@mantine/core'

import { EmptyPicture, PlusIcon } from './icons'
import css from './list.module.css'
import type { Filter } from './listing'

const SAYS: Record<Filter, { head: string; body: string }> = {
  all: {
    head: 'A blank page is waiting',
    body: 'Write the first document. You can share it with a link whenever you like.',
  },
  mine: {
    head: 'Nothing of your own yet',
    body: 'Documents that you create are kept here.',
  },
  shared: {
    head: 'Nobody has shared anything with you yet',
    body: 'When somebody adds you to a document, it appears here.',
  },
  starred: {
    head: 'No stars yet',
    body: 'Star what you want at hand, by its menu. Nobody else sees your stars.',
  },
  trash: {
    head: 'The trash is empty',
    body: 'Documents that you delete wait here until you want them back.',
  },
}

type Props = { filter: Filter; words: string; onCreate: () => void; onClear: () => void }

/** In place of a list without rows: why there is nothing, and what to do about it. */
export function Empty({ filter, words, onCreate, onClear }: Props) {
  const { head, body } = words
    ? { head: `Nothing here contains “${words}”`, body: 'Try fewer or other words.' }
    : SAYS[filter]
  return (
    <div className={css.empty} role="status">
      <EmptyPicture className={css.emptyPicture} />
      <h2 className={css.emptyHead}>{head}</h2>
      <p className={css.emptyBody}>{body}</p>
      {words ? (
        <Button variant="default" onClick={onClear}>
          Clear the search
        </Button>
      ) : (
        (filter === 'all' || filter === 'mine') && (
          <Button variant="light" leftSection={<PlusIcon />} onClick={onCreate}>
            Write something
          </Button>
        )
      )}
    </div>
  )
}
