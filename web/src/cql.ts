import type { HLJSApi, Language } from "highlight.js";

const KEYWORDS =
  "add aggregate all allow alter and any apply as asc ascii authorize batch begin by called " +
  "cast clustering columnfamily compact contains create custom delete desc describe distinct drop " +
  "each_quorum entries execute exists filtering finalfunc from frozen full function functions " +
  "grant group if in index inet infinity initcond input insert into is json key keys keyspace " +
  "keyspaces language like limit list local_one local_quorum login logged materialized modify " +
  "mbean mbeans nan nologin norecursive nosuperuser not of on one only options or order output " +
  "partition password per permission permissions primary quorum rename replace returns revoke " +
  "role roles schema scylla_timeuuid_list_index select serial set sfunc static storage stype " +
  "superuser table three timestamp to token trigger truncate ttl tuple two type unlogged unset " +
  "update use user users using values view where with writetime " +
  // What cqlsh adds.
  "capture clear cls consistency copy desc exit expand help paging show source tracing";
const TYPES =
  "bigint blob boolean counter date decimal double duration float int map set list smallint text " +
  "time timeuuid tinyint uuid varchar varint vector";
const FUNCTIONS =
  "avg count max min sum now currentdate currenttime currenttimestamp currenttimeuuid totimestamp " +
  "todate tounixtimestamp mintimeuuid maxtimeuuid dateof unixtimestampof similarity_cosine";

/** Cassandra's query language, with the commands of cqlsh. */
export function cql(hljs: HLJSApi): Language {
  return {
    name: "CQL",
    case_insensitive: true,
    keywords: { keyword: KEYWORDS, type: TYPES, built_in: FUNCTIONS, literal: "true false null" },
    contains: [
      { scope: "string", begin: /'/, end: /'/, contains: [{ begin: /''/ }] },
      { scope: "string", begin: /\$\$/, end: /\$\$/ },
      { scope: "symbol", begin: /"/, end: /"/, contains: [{ begin: /""/ }] },
      {
        scope: "number",
        begin: /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/,
      },
      { scope: "number", begin: /\b0x[0-9a-f]+\b/ },
      hljs.C_NUMBER_MODE,
      { scope: "variable", begin: /:[a-z_]\w*|\?/ },
      hljs.COMMENT("--", "$"),
      hljs.COMMENT("//", "$"),
      hljs.C_BLOCK_COMMENT_MODE,
      { scope: "operator", begin: /[-+*%<>=!]+/ },
    ],
  };
}
