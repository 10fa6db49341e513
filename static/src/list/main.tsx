import { createRoot } from 'react-dom/client'

import { readPage } from '../api'
import { Theme } from '../theme/Theme'
import { type ListFacts, ListPage } from './ListPage'

createRoot(document.getElementById('root')!).render(
  <Theme>
    <ListPage me={readPage<ListFacts>().me} />
  </Theme>,
)
