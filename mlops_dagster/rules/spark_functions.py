"""The Spark functions that SQL files may call, by category, and why some others may not.

A table must come out equal when it is computed again from the same inputs, on any engine and day.
So what reads a clock, a random source, the session, files, the network or Java is left out; what
depends on the order of rows is allowed only where an order is given.
"""

from collections.abc import Mapping


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


AGGREGATES = _names("""
    avg bit_and bit_or bit_xor bool_and bool_or corr count count_if covar_pop covar_samp every
    grouping grouping_id kurtosis max max_by mean median min min_by percentile percentile_cont
    percentile_disc regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope regr_sxx
    regr_sxy regr_syy skewness std stddev stddev_pop stddev_samp sum try_avg try_sum var_pop
    var_samp variance approx_count_distinct
""")

WINDOWS = _names("cume_dist dense_rank percent_rank rank window window_time")

CONDITIONS = _names("""
    case coalesce equal_null greatest if ifnull isnan isnotnull isnull least nanvl nullif nullifzero
    nvl nvl2 zeroifnull
""")

MATHEMATICS = _names("""
    abs acos acosh asin asinh atan atan2 atanh bin bit_count bround cbrt ceil ceiling conv cos cosh
    cot csc degrees e exp expm1 factorial floor hex hypot ln log log10 log1p log2 mod negative pi
    pmod positive pow power radians rint round sec shiftleft shiftright shiftrightunsigned sign
    signum sin sinh sqrt tan tanh try_add try_divide try_mod try_multiply try_subtract unhex
    width_bucket
""")

TEXTS = _names("""
    ascii base64 bit_length btrim char char_length character_length chr concat concat_ws contains
    decode elt encode endswith find_in_set format_number format_string get_json_object ilike initcap
    instr lcase left len length levenshtein like locate lower lpad ltrim luhn_check mask
    octet_length overlay position printf regexp regexp_count regexp_extract regexp_extract_all
    regexp_instr regexp_like regexp_replace regexp_substr repeat replace right rlike rpad rtrim
    soundex space split split_part startswith substr substring substring_index to_char to_number
    to_varchar translate trim try_to_number ucase unbase64 upper json_array_length parse_url
    try_parse_url url_decode url_encode
""")

HASHES = _names("crc32 hash md5 sha sha1 sha2 xxhash64")

TIMES = _names("""
    add_months convert_timezone date_add date_diff date_format date_from_unix_date date_part
    date_sub date_trunc dateadd datediff datepart day dayname dayofmonth dayofweek dayofyear extract
    from_unixtime from_utc_timestamp hour last_day make_date make_dt_interval make_interval
    make_timestamp make_timestamp_ltz make_timestamp_ntz make_ym_interval minute month monthname
    months_between next_day quarter second timestamp_micros timestamp_millis timestamp_seconds
    to_date to_timestamp to_timestamp_ltz to_timestamp_ntz to_unix_timestamp to_utc_timestamp trunc
    try_make_interval try_make_timestamp try_make_timestamp_ltz try_make_timestamp_ntz try_to_date
    try_to_timestamp unix_date unix_micros unix_millis unix_seconds unix_timestamp weekday
    weekofyear year timestampadd timestampdiff
""")

COLLECTIONS = _names("""
    aggregate array array_append array_compact array_contains array_distinct array_except
    array_insert array_intersect array_join array_max array_min array_position array_prepend
    array_remove array_repeat array_size array_sort array_union arrays_overlap arrays_zip
    cardinality element_at exists explode explode_outer filter flatten forall get map map_concat
    map_contains_key map_entries map_filter map_from_arrays map_from_entries map_keys map_values
    map_zip_with named_struct posexplode posexplode_outer reduce reverse sequence size slice
    sort_array str_to_map struct transform transform_keys transform_values try_element_at zip_with
""")

CONVERSIONS = _names("""
    bigint binary boolean cast date decimal double float int smallint string timestamp tinyint
    try_cast to_binary try_to_binary typeof varchar numeric
""")

# Their value depends on the order of rows: only over a window with ORDER BY.
NEED_ORDER = _names("""
    first first_value last last_value any_value nth_value lag lead row_number ntile
""")

# Arrays in no order: only inside a function for which the order does not matter, or over an ordered
# window.
COLLECT = _names("collect_list collect_set array_agg")
ORDER_BLIND = _names(
    "sort_array array_sort size cardinality array_size array_contains array_max array_min"
)

ALLOWED = frozenset().union(
    AGGREGATES,
    WINDOWS,
    CONDITIONS,
    MATHEMATICS,
    TEXTS,
    HASHES,
    TIMES,
    COLLECTIONS,
    CONVERSIONS,
    NEED_ORDER,
    COLLECT,
)

_CLOCK = "it reads the clock, so the table would differ each time it is computed"
_RANDOM = "it is random, so the table would differ each time it is computed"
_PLACEMENT = "its value depends on how rows are spread over machines"
_SESSION = "it reads the session or the server"
_OUTSIDE = "it reaches outside the inputs"
_APPROXIMATE = "its result depends on how rows are spread over machines"

_BY_REASON = {
    _CLOCK: """
        current_date current_time current_timestamp curdate localtimestamp now getdate sysdate today
    """,
    _RANDOM: "rand randn random randstr uniform shuffle uuid aes_encrypt",
    _PLACEMENT: """
        monotonically_increasing_id spark_partition_id input_file_name input_file_block_start
        input_file_block_length
    """,
    _SESSION: """
        current_catalog current_database current_schema current_timezone current_user session_user
        user version is_member is_account_group_member python_worker_logs
    """,
    _OUTSIDE: """
        reflect java_method try_reflect http_request http_get read_files secret try_secret
        table_changes remote_query read_kafka identifier xpath xpath_string
    """,
    _APPROXIMATE: "approx_percentile percentile_approx approx_top_k histogram_numeric mode",
    "the order of the parts is not fixed": "listagg string_agg",
    "a failing row is a matter of the table's rules": "raise_error assert_true",
}
REFUSED: Mapping[str, str] = {
    name: reason for reason, names in _BY_REASON.items() for name in _names(names)
}
# Constructs whose word stands before a parenthesis.
REFUSED_CONSTRUCTS: Mapping[str, str] = {
    "values": "tables are named only as declared",
    "lateral": "generators stand in the column list, as explode(x) AS y",
    "tablesample": _RANDOM,
    "pivot": "write one column a value, with count_if or sum",
    "unpivot": "write a UNION ALL",
    "range": "tables are named only as declared",
}

REFUSED_PREFIXES = {"ai_": _OUTSIDE, "http_": _OUTSIDE, "h3_": "it exists on one engine only"}

INSTEAD: Mapping[str, str] = {
    "approx_percentile": "Write percentile",
    "percentile_approx": "Write percentile",
    "listagg": "Write array_join(sort_array(collect_list(x)), ',')",
    "string_agg": "Write array_join(sort_array(collect_list(x)), ',')",
    "uuid": "Build a key from columns, for example with sha2",
    "monotonically_increasing_id": "Write row_number() over (order by ...)",
}

# Called without parentheses; a column of such a name must be qualified.
BARE = _names("""
    current_date current_time current_timestamp current_user current_catalog current_database
    current_schema localtimestamp session_user user
""")

# Words before a parenthesis that call nothing.
NOT_CALLS = _names("""
    all and as between by case cube distinct div else except exists from having in intersect is join
    like ilike limit minus not on or order over qualify rlike regexp rollup select sets then union
    using when where group filter with
""")


def reason_against(name: str) -> str | None:
    """Return why a function (lower case) is refused on purpose; None when it is not."""
    reason = REFUSED.get(name) or REFUSED_CONSTRUCTS.get(name)
    if reason is not None:
        return reason
    return next((why for prefix, why in REFUSED_PREFIXES.items() if name.startswith(prefix)), None)
