import { createRoot } from 'react-dom/client'

import { readPage } from '../api'
import { SCHEMA_VERSION } from '../editor/version'
import { Theme } from '../theme/Theme'
import { Connection, type PageFacts } from './connection'
import { DocumentPage } from './DocumentPage'

// This bundle's own version, not the page's: the server refuses a bundle that is too old.
const facts = { ...readPage<PageFacts>(), schema: SCHEMA_VERSION }
const connection = new Connection(facts)
createRoot(document.getElementById('root')!).render(
  <Theme>
    <DocumentPage facts={facts} connection={connection} />
  </Theme>,
)
