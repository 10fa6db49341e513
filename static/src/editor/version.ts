import { version } from '../../../documents/formats/schema.json'

/** The version of the schema that this bundle was built with. Apart from the editor: it is big. */
export const SCHEMA_VERSION: number = version
