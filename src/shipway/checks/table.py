"""Every rule, one line each, in the order of their ids."""

from __future__ import annotations

from shipway.checks.problems import PROBLEM_RULES
from shipway.checks.rule import Rule
from shipway.checks.rules.sw001_unused_ignore import RULE as SW001
from shipway.checks.rules.sw101_missing_source import RULE as SW101
from shipway.checks.rules.sw102_ignored_source import RULE as SW102
from shipway.checks.rules.sw103_empty_source import RULE as SW103
from shipway.checks.rules.sw104_untracked_source import RULE as SW104
from shipway.checks.rules.sw105_broken_link import RULE as SW105
from shipway.checks.rules.sw106_bad_source import RULE as SW106
from shipway.checks.rules.sw107_missing_in_image import RULE as SW107
from shipway.checks.rules.sw108_remote_source import RULE as SW108
from shipway.checks.rules.sw109_buildah_differs import RULE as SW109
from shipway.checks.rules.sw110_invalid_dockerfile import RULE as SW110
from shipway.checks.rules.sw111_broken_build import RULE as SW111
from shipway.checks.rules.sw112_bad_ignore_file import RULE as SW112
from shipway.checks.rules.sw113_context_outside import RULE as SW113
from shipway.checks.rules.sw201_drifted_base_prefix import RULE as SW201
from shipway.checks.rules.sw202_unpublished_base import RULE as SW202
from shipway.checks.rules.sw203_two_publishers import RULE as SW203
from shipway.checks.rules.sw204_latest_base import RULE as SW204
from shipway.checks.rules.sw205_unpinned_base import RULE as SW205
from shipway.checks.rules.sw206_base_platform import RULE as SW206
from shipway.checks.rules.sw207_base_not_allowed import RULE as SW207
from shipway.checks.rules.sw209_unresolved_base import RULE as SW209
from shipway.checks.rules.sw210_stale_base_tag import RULE as SW210
from shipway.checks.rules.sw211_malformed_reference import RULE as SW211
from shipway.checks.rules.sw301_root_user import RULE as SW301
from shipway.checks.rules.sw302_no_healthcheck import RULE as SW302
from shipway.checks.rules.sw303_build_tools_left import RULE as SW303
from shipway.checks.rules.sw304_shell_form_command import RULE as SW304
from shipway.checks.rules.sw305_secret_in_arg_or_env import RULE as SW305
from shipway.checks.rules.sw306_secret_build_arg import RULE as SW306
from shipway.checks.rules.sw307_relative_workdir import RULE as SW307
from shipway.checks.rules.sw308_duplicate_stage_name import RULE as SW308
from shipway.checks.rules.sw309_reserved_stage_name import RULE as SW309
from shipway.checks.rules.sw310_undefined_variable import RULE as SW310
from shipway.checks.rules.sw311_undefined_arg_in_from import RULE as SW311
from shipway.checks.rules.sw312_invalid_default_arg_in_from import RULE as SW312
from shipway.checks.rules.sw313_repeated_instruction import RULE as SW313
from shipway.checks.rules.sw314_invalid_expose import RULE as SW314
from shipway.checks.rules.sw315_expose_protocol_casing import RULE as SW315
from shipway.checks.rules.sw316_unused_build_arg import RULE as SW316
from shipway.checks.rules.sw317_redundant_target_platform import RULE as SW317
from shipway.checks.rules.sw318_empty_continuation import RULE as SW318
from shipway.checks.rules.sw319_legacy_key_value import RULE as SW319
from shipway.checks.rules.sw320_maintainer import RULE as SW320
from shipway.checks.rules.sw321_from_as_casing import RULE as SW321
from shipway.checks.rules.sw322_instruction_casing import RULE as SW322
from shipway.checks.rules.sw323_stage_name_casing import RULE as SW323
from shipway.checks.rules.sw324_env_refers_to_itself import RULE as SW324
from shipway.checks.rules.sw325_relative_destination import RULE as SW325
from shipway.checks.rules.sw326_add_instead_of_copy import RULE as SW326
from shipway.checks.rules.sw327_copy_many_to_file import RULE as SW327
from shipway.checks.rules.sw328_copy_from_unknown_name import RULE as SW328
from shipway.checks.rules.sw329_user_by_name import RULE as SW329
from shipway.checks.rules.sw330_copy_whole_filesystem import RULE as SW330
from shipway.checks.rules.sw331_label_key import RULE as SW331
from shipway.checks.rules.sw332_annotation_value import RULE as SW332
from shipway.checks.rules.sw333_broken_json_array import RULE as SW333
from shipway.checks.rules.sw334_comment_behind_instruction import RULE as SW334
from shipway.checks.rules.sw335_arg_over_env import RULE as SW335
from shipway.checks.rules.sw336_pinned_platform_arg import RULE as SW336
from shipway.checks.rules.sw337_constant_platform import RULE as SW337
from shipway.checks.rules.sw338_stand_in import RULE as SW338
from shipway.checks.rules.sw401_registry_unreachable import RULE as SW401
from shipway.checks.rules.sw402_not_a_registry import RULE as SW402
from shipway.checks.rules.sw403_certificate_name import RULE as SW403
from shipway.checks.rules.sw404_certificate_expired import RULE as SW404
from shipway.checks.rules.sw405_certificate_not_yet_valid import RULE as SW405
from shipway.checks.rules.sw406_certificate_self_signed import RULE as SW406
from shipway.checks.rules.sw407_certificate_authority import RULE as SW407
from shipway.checks.rules.sw408_plain_http_registry import RULE as SW408
from shipway.checks.rules.sw409_tls_registry import RULE as SW409
from shipway.checks.rules.sw410_tls_handshake import RULE as SW410
from shipway.checks.rules.sw411_certificate_expires_soon import RULE as SW411
from shipway.checks.rules.sw412_certificate_lacks_address import RULE as SW412
from shipway.checks.rules.sw413_certificate_not_reloaded import RULE as SW413
from shipway.checks.rules.sw414_certificate_not_renewed import RULE as SW414
from shipway.checks.rules.sw421_no_credentials import RULE as SW421
from shipway.checks.rules.sw422_wrong_credentials import RULE as SW422
from shipway.checks.rules.sw423_expired_credentials import RULE as SW423
from shipway.checks.rules.sw424_credentials_for_another_host import RULE as SW424
from shipway.checks.rules.sw425_token_scope import RULE as SW425
from shipway.checks.rules.sw431_push_refused import RULE as SW431
from shipway.checks.rules.sw432_read_only_registry import RULE as SW432
from shipway.checks.rules.sw433_no_such_repository import RULE as SW433
from shipway.checks.rules.sw435_immutable_tag import RULE as SW435
from shipway.checks.rules.sw436_quota import RULE as SW436
from shipway.checks.rules.sw437_rate_limit import RULE as SW437
from shipway.checks.rules.sw438_misdirected_upload import RULE as SW438
from shipway.checks.rules.sw441_missing_base import RULE as SW441
from shipway.checks.rules.sw501_engine_missing import RULE as SW501
from shipway.checks.rules.sw502_engine_feature import RULE as SW502
from shipway.checks.rules.sw503_missing_emulation import RULE as SW503
from shipway.checks.rules.sw504_disk_space import RULE as SW504
from shipway.checks.rules.sw505_engine_distrusts_registry import RULE as SW505
from shipway.checks.rules.sw506_clock_skew import RULE as SW506
from shipway.checks.rules.sw701_refuted_policy import RULE as SW701
from shipway.checks.rules.sw702_invalid_policy import RULE as SW702
from shipway.checks.rules.sw703_unanchored_pattern import RULE as SW703
from shipway.checks.rules.sw704_unknown_group import RULE as SW704
from shipway.checks.rules.sw705_words_as_numbers import RULE as SW705
from shipway.checks.rules.sw706_too_many_digits import RULE as SW706
from shipway.checks.rules.sw707_order_by_hash import RULE as SW707
from shipway.checks.rules.sw708_constant_tag import RULE as SW708
from shipway.checks.rules.sw709_signature_tags import RULE as SW709
from shipway.checks.rules.sw710_prerelease_bound import RULE as SW710
from shipway.checks.rules.sw711_digest_interval import RULE as SW711
from shipway.checks.rules.sw712_picks_oldest import RULE as SW712
from shipway.checks.rules.sw713_marker_without_policy import RULE as SW713
from shipway.checks.rules.sw714_unread_marker import RULE as SW714
from shipway.checks.rules.sw715_hold_ended import RULE as SW715
from shipway.checks.rules.sw716_marker_outside_path import RULE as SW716
from shipway.checks.rules.sw717_unselected_policy import RULE as SW717
from shipway.checks.rules.sw718_stale_digest import RULE as SW718
from shipway.checks.rules.sw719_digest_not_reflected import RULE as SW719
from shipway.checks.rules.sw720_dropped_pin import RULE as SW720

RULES: tuple[Rule, ...] = (
    SW001,
    *PROBLEM_RULES,
    SW101,
    SW102,
    SW103,
    SW104,
    SW105,
    SW106,
    SW107,
    SW108,
    SW109,
    SW110,
    SW111,
    SW112,
    SW113,
    SW201,
    SW202,
    SW203,
    SW204,
    SW205,
    SW206,
    SW207,
    SW209,
    SW210,
    SW211,
    SW301,
    SW302,
    SW303,
    SW304,
    SW305,
    SW306,
    SW307,
    SW308,
    SW309,
    SW310,
    SW311,
    SW312,
    SW313,
    SW314,
    SW315,
    SW316,
    SW317,
    SW318,
    SW319,
    SW320,
    SW321,
    SW322,
    SW323,
    SW324,
    SW325,
    SW326,
    SW327,
    SW328,
    SW329,
    SW330,
    SW331,
    SW332,
    SW333,
    SW334,
    SW335,
    SW336,
    SW337,
    SW338,
    SW401,
    SW402,
    SW403,
    SW404,
    SW405,
    SW406,
    SW407,
    SW408,
    SW409,
    SW410,
    SW411,
    SW412,
    SW413,
    SW414,
    SW421,
    SW422,
    SW423,
    SW424,
    SW425,
    SW431,
    SW432,
    SW433,
    SW435,
    SW436,
    SW437,
    SW438,
    SW441,
    SW501,
    SW502,
    SW503,
    SW504,
    SW505,
    SW506,
    SW701,
    SW702,
    SW703,
    SW704,
    SW705,
    SW706,
    SW707,
    SW708,
    SW709,
    SW710,
    SW711,
    SW712,
    SW713,
    SW714,
    SW715,
    SW716,
    SW717,
    SW718,
    SW719,
    SW720,
)

_BY_ID = {rule.id: rule for rule in RULES}


def rule(id: str) -> Rule | None:
    """The rule called ``id``, in any case."""
    return _BY_ID.get(id.upper())


def known_selectors() -> list[str]:
    """Everything that selects a rule: the ids, and the beginnings that name a family (``SW2``)."""
    return sorted({id[:end] for id in _BY_ID for end in range(2, len(id) + 1)})
