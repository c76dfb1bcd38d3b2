"""Functions that a query may call on PostgreSQL, MySQL and MariaDB, and those that it may not on DuckDB.

On a server a function can read files, sleep, lock, open connections or run SQL, and new ones come with extensions: so
only those of these lists may be called, beside the portable ones that sqlglot knows by a class of their own. DuckDB has
a wall around the process, see databases/duckdb_worker.py; there the dangerous ones are listed, and of functions that
stand for a table only a few are open.
"""

COMMON = frozenset(
    "abs acos asin atan atan2 ceil ceiling cos cot degrees exp floor greatest least ln log log10 log2 mod pi pow power "
    "radians rand random round sign sin sqrt tan trunc truncate "
    "ascii bit_length char char_length character_length chr concat concat_ws format hex initcap instr lcase left "
    "length "
    "locate lower lpad ltrim md5 mid octet_length overlay position repeat replace reverse right rpad rtrim soundex "
    "space "
    "split_part strpos substr substring substring_index translate trim ucase upper "
    "avg bit_and bit_or bit_xor bool_and bool_or count every group_concat max min std stddev stddev_pop stddev_samp "
    "string_agg sum var_pop var_samp variance "
    "cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number "
    "coalesce ifnull isnull nullif nvl if iif cast convert "
    "adddate age curdate current_date current_time current_timestamp curtime date date_add date_format date_part "
    "date_sub date_trunc datediff date_diff day dayname dayofmonth dayofweek dayofyear extract from_days from_unixtime "
    "hour last_day localtime localtimestamp makedate make_date make_interval make_time make_timestamp maketime minute "
    "month monthname now period_add period_diff quarter second sec_to_time str_to_date strftime subdate sysdate time "
    "time_format time_to_sec timediff timestamp timestampadd timestampdiff to_char to_date to_days to_number "
    "to_timestamp unix_timestamp utc_date utc_time utc_timestamp week weekday weekofyear year yearweek "
    "unnest generate_series".split()
)
POSTGRES = COMMON | frozenset(
    "cbrt div factorial gcd lcm width_bucket btrim casefold encode decode quote_literal quote_nullable quote_ident "
    "regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array "
    "regexp_split_to_table regexp_substr starts_with string_to_array string_to_table to_hex unistr normalize "
    "similarity "
    "word_similarity unaccent levenshtein any_value array_agg corr covar_pop covar_samp json_agg json_object_agg "
    "jsonb_agg jsonb_object_agg mode percentile_cont percentile_disc regr_avgx regr_avgy regr_count regr_intercept "
    "regr_r2 regr_slope rank array_append array_cat array_dims array_length array_lower array_ndims array_position "
    "array_positions array_prepend array_remove array_replace array_to_string array_upper cardinality "
    "json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each "
    "json_each_text json_extract_path json_extract_path_text json_object_keys json_typeof jsonb_array_elements "
    "jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text "
    "jsonb_extract_path jsonb_extract_path_text jsonb_object_keys jsonb_path_exists jsonb_path_query "
    "jsonb_path_query_first jsonb_pretty jsonb_typeof row_to_json to_json to_jsonb clock_timestamp date_bin isfinite "
    "justify_days justify_hours justify_interval statement_timestamp timeofday transaction_timestamp timezone "
    "to_tsquery to_tsvector plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_rank ts_rank_cd ts_headline "
    "lower_inc upper_inc isempty lower_inf upper_inf num_nonnulls num_nulls gen_random_uuid pg_typeof "
    "sha224 sha256 sha384 sha512 varchar text int4 int8 float8 numeric bool setweight area center diameter "
    "box circle point line lseg polygon".split()
)
MYSQL = COMMON | frozenset(
    "conv crc32 elt export_set field find_in_set insert make_set oct ord quote regexp_instr regexp_like regexp_replace "
    "regexp_substr sha sha1 sha2 strcmp to_base64 from_base64 unhex bin bit_count any_value json_arrayagg "
    "json_objectagg json_array json_array_length json_contains json_contains_path json_depth json_exists json_extract "
    "json_keys json_length json_object json_overlaps json_pretty json_query json_quote json_search json_type "
    "json_unquote json_valid json_value interval addtime subtime convert_tz microsecond to_seconds values median "
    "percentile_cont percentile_disc natural_sort_key nvl2 decode decode_oracle inet_aton inet_ntoa uuid "
    "lengthb".split()
)
DUCKDB_REFUSED = frozenset(
    "nextval currval setval setseed error write_log pg_sleep sleep_ms current_setting getenv getvariable current_query "
    "json_execute_serialized_sql json_deserialize_sql json_serialize_sql parse_duckdb_log_message query query_table "
    "pg_get_viewdef add_parquet_key which_secret".split()
)
DUCKDB_TABLES = frozenset(("unnest", "generate_series", "range", "json_each", "json_tree", "generate_subscripts"))
"""What may stand for a table there."""
TYPED_REFUSED = frozenset(
    "next_value_for read_csv read_parquet to_file predict generate_table generate_text generate_embedding ai_agg "
    "ai_classify ai_embed ai_generate ai_similarity ai_summarize_agg".split()
)
"""Functions with a class of their own in sqlglot that do more than compute."""
CATALOG = frozenset("tables columns views key_column_usage table_constraints referential_constraints schemata".split())
"""Views of information_schema that may be read: they say what tables there are. All other system tables are closed."""
