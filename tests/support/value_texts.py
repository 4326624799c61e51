"""For each value type, texts that DHIS2 takes and texts that it refuses."""

from __future__ import annotations

from tallyport_schemas.value_types import ValueType

V = ValueType

UIDS = "fbfJHSPpUQD a0000000000 Zzzzzzzzzzz abcdefghijk"
NO_UIDS = "fbfJHSPpUQ fbfJHSPpUQDx 0bfJHSPpUQD fbfJHSP-UQD fbfJHSP_UQD fbfJHSPpUQé 12345678901 -bfJHSPpUQD"

NUMBERS_OF_ALL_TYPES_REFUSED = (
    "a . - -- 1,000 1_000 1e5 1E-3 NaN Infinity -Infinity 0x10 1f ½ ٣ ５ 1.2.3 1- +5 007 00 -00"
)

# Texts that stand between white space; those that hold some are below.
WORDS: dict[ValueType, tuple[str, str]] = {
    V.NUMBER: (
        "0 5 5.0 0.5 -0 -0.0 1.50 -1 -1.5 10 100000 12345678901234567890 -99999999999999999999 0.0000001 3.14159 5.00",
        NUMBERS_OF_ALL_TYPES_REFUSED + " .5 5. -.5 -5. 00.5 01 -01 1.5e3 1,5 --1 0x1p3 true ² Ⅷ",
    ),
    V.PERCENTAGE: (
        "0 0.0 -0 -0.0 1 50 99 99.999 100 100.0 100.000 12.5 0.0001 99.99999999999999999999",
        NUMBERS_OF_ALL_TYPES_REFUSED + " .5 5. 100% 50% -1 -0.1 100.1 101 1000 -100 99,5",
    ),
    V.UNIT_INTERVAL: (
        "0 0.0 -0 -0.0 1 1.0 1.000 0.5 0.123456789 0.99999999999999999999",
        NUMBERS_OF_ALL_TYPES_REFUSED + " .5 1. -0.5 -1 2 1.1 10 0,5 100 -0.0001",
    ),
    V.INTEGER: (
        "0 1 5 -5 10 2147483647 -2147483648 0.0 10.0 -5.0 2147483647.0 -2147483648.0 999999999 -1",
        NUMBERS_OF_ALL_TYPES_REFUSED
        + " -0 -0.0 5.00 10.00 5.5 .0 5. 5.0.0 2147483648 -2147483649 99999999999999999999 1.1 00.0 true -2147483649.0",
    ),
    V.INTEGER_POSITIVE: (
        "1 5 10 10.0 2147483647 42",
        NUMBERS_OF_ALL_TYPES_REFUSED + " 0 0.0 -0 -1 -5.0 2147483648 1.5 1.00 +1 01",
    ),
    V.INTEGER_NEGATIVE: (
        "-1 -5 -10 -10.0 -2147483648 -42",
        NUMBERS_OF_ALL_TYPES_REFUSED + " 0 -0 0.0 1 5.0 -2147483649 -1.5 -1.00 -01",
    ),
    V.INTEGER_ZERO_OR_POSITIVE: (
        "0 1 0.0 10.0 2147483647 42",
        NUMBERS_OF_ALL_TYPES_REFUSED + " -0 -0.0 -1 -5.0 2147483648 1,204 1.5 0.00 01",
    ),
    V.BOOLEAN: (
        "true false True False TRUE FALSE tRuE fAlSe t f T F 1 0 yes no Yes No YES NO yEs y n Y N",
        "2 -1 10 01 truee tru fals ja nein oui non on off ok x null 1.0 0.0 yess + ✓ ｔｒｕｅ yeſ",
    ),
    V.TRUE_ONLY: (
        "true True TRUE tRuE t T 1 yes Yes YES y Y",
        "false False FALSE f F 0 no No NO n N 2 on x truee 1.0 checked",
    ),
    V.DATE: (
        "2024-01-15 2024-02-29 2000-02-29 1900-02-28 2024-12-31 0001-01-01 9999-12-31 2024-01-15T10:00 2024-01-15xyz "
        "2024-01-15T10:00:00.000Z 2024-01-15_ 2024-01-15-1 2024-01-155 2024-01-15é 2024-01-15+02:00 0001-02-28",
        "2024-1-5 2024-01-5 2024-1-05 20240115 15-01-2024 2024/01/15 2023-02-29 1900-02-29 2024-02-30 2024-04-31 "
        "2024-13-01 2024-00-10 2024-01-00 2024-01-32 24-01-15 02024-01-15 2024-01 2024 today 2024-01-15! 2024-01-15- "
        "2024-01-15T10:00) ٢٠٢٤-٠١-١٥ x2024-01-15 -2024-01-15 2024‐01‐15 2024-01-15² 45306 2024-June-01",
    ),
    V.AGE: (
        "2024-01-15 1950-06-30 2024-02-29 2024-01-15T00:00 2024-12-31 1999-09-09",
        "34 34y 2024-1-5 20240115 2023-02-29 2024/01/15 15.01.2024 2024-06-31 P34Y 2024-01-15.",
    ),
    V.DATETIME: (
        "2024-01-15T10 2024-01-15T10:30 2024-01-15T10:30:00 2024-01-15T10:30:00.0 2024-01-15T10:30:00.123 2024-1-5T1:3 "
        "2024-01-15T10:30:00Z 2024-01-15T10:30:00.000Z 2024-01-15T10:30:00+0200 2024-01-15T10:30:00+02:00 "
        "2024-01-15T10:30:00-05 2024-01-15T10Z 2024-01-15T10:30+02 2024-01-15T23:59:59 2024-01-15T00:00 "
        "2024-02-29T12:00 2024-01-15T10:30:00.123456 2024-01-15T10:30:00.123456789Z 2024-01-15T10:30:00.000+0000 "
        "2024-01-15T10+23:59 0000-01-01T00 5-1-1T1 20240-01-01T00 -2024-01-01T00 2024-01-15t10:30z "
        "2024-01-15T10+02:00:00 2024-01-15T10+020000",
        "2024-01-15 2024-01-15T 2024-01-15T24:00 2024-01-15T10:60 2024-01-15T10:30:60 2024-02-30T10:00 2024-13-01T10 "
        "2023-02-29T10:00 20240115T1030 2024/01/15T10:30 15-01-2024T10:30 2024-01T10:30 T10:30 10:30 2024-01-15T10:30: "
        "2024-01-15T10:30:00. 2024-01-15T10:30:00,5 2024-01-15T10:30:00.1234567 2024-01-15T10:30:00.1234567890Z "
        "2024-01-15T10+2 2024-01-15T10+24:00 2024-01-15T10+02:60 2024-01-15T10+020 2024-01-15T10UTC 2024-001-15T10 "
        "2024-01-015T10 2024-01-15T010 1234567890-01-01T00 2024-00-01T10 2024-01-00T10 2024-01-15T10:30x "
        "٢٠٢٤-01-15T10 292278994-01-01T00 2024-01-15_10:30",
    ),
    V.TIME: (
        "00:00 0:00 9:05 09:05 10:30 12:00 19:59 20:00 23:59 1:01",
        "24:00 23:60 1:5 10:3 10:30:00 1030 10.30 10h30 10:30Z -1:00 100:00 :30 10: 25:00 ١٠:٣٠ 10:30am 00:000 noon",
    ),
    V.LETTER: (
        "a Z é ß Ж ع 中 א ñ ǅ ª ʰ",
        "ab 1 - _ ٣ ² ½ 𝒜 😀 aa . € é! Ⅷ ◌",
    ),
    V.PHONE_NUMBER: (
        "123456 +4712345678 0712/345-678 (071)2345678 071.234.5678 #123456 1234567ext89 ext123456 ------ xxxxxx "
        "+232(76)123-456",
        "12345 abc1234 +47-1234-567a 123456; 0712_345678 ١٢٣٤٥٦ 123456* EXT123456 tel:123456 +1,234,567",
    ),
    V.EMAIL: (
        "a@x.org first.last@health.gov.sl a+b@x.co.ke o'brien@x.ie A@X.ORG 1@2.com a_b@x-y.org a-b@a.b.c.org "
        "!#$%&*@x.org {a|b}@x.org a=b@x.org a/b@x.org é@x.org a@bücher.de a@xn--bcher-kva.de a@x.xn--p1ai "
        '"a.b"@x.org "@"@x.org a\\@b@x.org "a"."b"@x.org a@[192.168.0.1] a@[::1] a@[2001:db8::1] a@x.museum '
        "a@x.travel ~@x.org " + "x" * 64 + "@x.org",
        "a a@ @x.org a@localhost a@x a@.org a@x..org a@x.org. a@-x.org a@x-.org a@x_y.org .a@x.org a.@x.org a..b@x.org "
        "a@b@x.org a@x.1 a@x.o a@x.o1 a,b@x.org a;b@x.org (a)@x.org a:b@x.org <a@x.org> [a]@x.org a@[192.168.0.256] "
        'a@[192.168.0] a@[::1 a@[:::1] a@192.168.0.1 "a@x.org a"b@x.org "a""b"@x.org a\\@x.org a@x.local a@x.test '
        "a@x.invalid mailto:a@x.org a@x.org,b@x.org a@x.org/a a@[fe80::1%eth0] a@[01.2.3.4] " + "x" * 65 + "@x.org "
        "a@" + "x" * 64 + ".org a@" + "x." * 126 + "org",
    ),
    V.URL: (
        "http://x.org https://x.org ftp://x.org HTTP://X.ORG http://www.x.org/ http://x.org/a/b.html http://x.org/a?b "
        "http://x.org/a?b=c&d=e#f http://x.org#top http://x.org?q http://x.org:8080/a http://x.org: http://x.org:65535 "
        "http://192.168.0.1/a http://[::1]/a http://[2001:db8::1]:80/ http://u:p@x.org/ http://u@x.org/ http://x.org./ "
        "http://play.dhis2.org/dev http://x.org/~me/(a)_b,c;d=e@f!g'h$i*j+k http://x.org/%20a http://bücher.de/ "
        "http://x.org/?q=é http://x.org/?a[0]=1 http://x.org/a/../b http://x.org/. http://x.org/... "
        "http://xn--bcher-kva.de http://x.co.ke/a/ https://a.b.c.d.org http://x.org:00080/ ftp://u:@x.org/f.txt",
        "www.x.org x.org http:// http:///a http:x.org http:/x.org //x.org /a http://localhost http://localhost:8080/ "
        "http://x http://x.local/ http://x_y.org http://-x.org http://x-.org http://x..org http://.org http://x.o "
        "http://x.org:65536 http://x.org:999999 http://x.org:80a http://x.org:-1 http://x.org//a http://x.org/a//b "
        "http://x.org/.. http://x.org/../a http://x.org/a/../../b http://x.org/é http://x.org/a|b http://x.org/[a] "
        "http://x.org/%zz http://x.org/%2 http://x.org/?a|b http://x.org/?%4 http://x.org/#a#b http://x.org/a\\b "
        "http://x.org/<a> http://x.org/{a} http://256.1.1.1 http://1.2.3 http://01.2.3.4/ http://[::1 http://[1::2::3] "
        "http://u@[::1]/ http://%2@x.org/ file:///a mailto:a@x.org javascript:alert(1) httpx://x.org ws://x.org "
        "http//x.org :http://x.org http://@x.org/ http://a@b@x.org/ http://x.org^ http://x.org/`a` http://x.example",
    ),
    V.USERNAME: (
        "user us-er us_er u.s.er user@x.org 1234 a-b_c.d@e ABCD abcd1234 " + "x" * 255,
        "abc ab -user user- .user user. @user user@ _user user_ us--er us..er us-_er us.@er usér us+er us/er us!er "
        "us,er " + "x" * 256,
    ),
    V.COORDINATE: (
        "[1,2] [0,0] [-11.7,8.5] [180,90] [-180,-90] [180.0,90.0] [+1,+2] [1e1,2E0] [1.,.5] [-.5,5.] [1f,2d] [1F,2D] "
        "[1,2,3] [1,2,] [1,2,x] [007,01] [0x1p3,0x1.8p1] [1e-400,0] [180.000005,0] [-0,-0] [1e1f,0]",
        "1,2 [1] [] [,] [1,] [,2] [1;2] (1,2) {1,2} [181,0] [-181,0] [0,91] [0,-91] [180.1,0] [0,90.1] [a,b] [1,b] "
        "[NaN,0] [0,NaN] [Infinity,0] [1e9,0] [1e999,0] [1_0,2] [1,2 1,2] [[1,2]] [1,2]x x[1,2] [1e,2] [0x10,2] "
        "[--1,2] [a,2] [1,2ff] [٣,2] [.,0] [0x1p99999,0] [1.2.3,0] [8.5N,11.7W] [1°,2°] POINT(1,2)",
    ),
    V.FILE_RESOURCE: (UIDS, NO_UIDS + " photo.jpg"),
    V.IMAGE: (UIDS, NO_UIDS + " photo.png data:image/png;base64,AAAA"),
    V.ORGANISATION_UNIT: (UIDS, NO_UIDS + " OU_559 Bo"),
    V.TEXT: ("a 1 -0 true 😀 é <b> null", ""),
    V.LONG_TEXT: ("a 1e5 😀 {} null", ""),
    V.MULTI_TEXT: ("A A,B A,,B ,A A, ,", ""),
    V.REFERENCE: ("a 1 fbfJHSPpUQD", ""),
    V.GEOJSON: ('{"type":"Point","coordinates":[1,2]} nonsense {', ""),
    V.TRACKER_ASSOCIATE: ("fbfJHSPpUQD a 1", ""),
}
