/* What is sealed opens for each recipient, for nobody else, in the record it was made for alone,
 * and not at all when one bit of it is another. */
#include "common/hex.h"
#include "common/sealed.h"
#include "tests/runner.h"

#include <check.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define SEALED_SIZE_MAX 4096
#define KEYS            10

/* docs/PROTOCOL.md: sealed by RFC 8032's test 1 for its tests 2 and 3, with the random bytes 0, 1,
 * 2 … 63, as a single under the target of `profile`. */
#define SIGNER_SEED "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
#define FIRST_SEED  "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
#define SECOND_SEED "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"
#define TARGET      "9fa4e94bb1f95d23c8f075cc5c721a92b5a335ad"
#define CONTENT     "{\"secret\":true}"
#define VECTOR                                                                                     \
    "01028f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285fa243c9"                   \
    "33ba7bb739fe8bfcb5b0fc079cc41d3c783a996a2c24ebdf0bb732d6746dff0437cfd25f83"                   \
    "11501fac327629fb0c954a777f53b6dc9246c0d349c70aea75e45d7dd23185f24e7ed779fe"                   \
    "cce7b511ea981143e4b9d96dd56a49da3d26f8baa0b033a6be3c60ea8eb4ec79477cfc157a"                   \
    "c86342760d7bee3c9714496fb6fef74027a6cd0570cad11de68ecd790af5a43bddcb4f0b80"                   \
    "ff6fd9b2bd85d769e5167f35729c900345d943f9bb1d20be597efa537117"

static uint8_t publics[KEYS][KEYS_PUBLIC_SIZE], secrets[KEYS][KEYS_SECRET_SIZE];
static uint8_t target[HASH_SHA1_SIZE], noise[SEALED_RANDOM_SIZE];
static uint8_t sealed_data[SEALED_SIZE_MAX], opened_data[SEALED_SIZE_MAX];

static void derive(size_t i, const char *seed_hex)
{
    uint8_t seed[KEYS_SEED_SIZE];
    memset(seed, (int)i, sizeof seed);
    ck_assert(seed_hex == NULL || hex_decode(seed_hex, 64, seed, sizeof seed));
    keys_from_seed(seed, publics[i], secrets[i]);
}

static void setup(void)
{
    static const char *const seeds[] = {SIGNER_SEED, FIRST_SEED, SECOND_SEED};
    ck_assert_int_eq(keys_init(), ERR_OK);
    for (size_t i = 0; i < KEYS; i++)
        derive(i, i < 3 ? seeds[i] : NULL);
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)i;
    ck_assert(hex_decode(TARGET, 40, target, sizeof target));
}

static struct sealed_content content_of(struct bytes content)
{
    return (struct sealed_content){
        .signer = publics[0], .kind = 2, .target = target, .type = SEALED_JSON, .content = content};
}

/* Sealed by key 0 for keys 1 to `count`. */
static struct bytes seal(size_t count, struct bytes content)
{
    struct wire_writer w;
    struct sealed_content whole = content_of(content);
    wire_writer_init(&w, sealed_data, sizeof sealed_data);
    ck_assert_int_eq(sealed_write(&w, &publics[1], count, &whole, noise), ERR_OK);
    ck_assert_uint_eq(w.used, SEALED_OVERHEAD_SIZE(count) + content.size);
    return wire_written(&w);
}

/* Opens with the i-th key as record of key 0; also false when it has no key to it. */
static bool open_with(size_t i, struct bytes input, struct sealed_content *out)
{
    struct sealed s;
    uint8_t key[SEALED_KEY_SIZE];
    return sealed_read(input, &s) && sealed_unwrap(&s, publics[i], secrets[i], key) &&
           sealed_open(&s, key, publics[0], 2, target, opened_data, out) == SEALED_OPENED;
}

static void assert_opens(size_t i, struct bytes input, struct bytes content)
{
    struct sealed_content out;
    ck_assert(open_with(i, input, &out));
    ck_assert(bytes_equal(out.content, content));
    ck_assert_int_eq(out.type, SEALED_JSON);
    ck_assert_mem_eq(out.signer, publics[0], KEYS_PUBLIC_SIZE);
    ck_assert_mem_eq(out.target, target, sizeof target);
}

START_TEST(each_recipient_opens_it_and_nobody_else)
{
    size_t count = (size_t)_i;
    struct bytes content = bytes_of_string(CONTENT);
    struct bytes input = seal(count, content);
    struct sealed_content out;
    for (size_t i = 1; i <= count; i++)
        assert_opens(i, input, content);
    ck_assert(!open_with(0, input, &out)); /* the one who sealed it */
    ck_assert(!open_with(count + 1, input, &out));
}
END_TEST

START_TEST(contents_of_all_sizes_come_back)
{
    static uint8_t content[2000];
    size_t sizes[] = {0, 1, 63, 64, 65, 1000, 2000};
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)(7 * i);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        assert_opens(1, seal(1, bytes_of(content, sizes[i])), bytes_of(content, sizes[i]));
}
END_TEST

START_TEST(bytes_stay_bytes)
{
    struct wire_writer w;
    struct sealed_content whole = content_of(bytes_of_string("raw")), out;
    whole.type = SEALED_BYTES;
    wire_writer_init(&w, sealed_data, sizeof sealed_data);
    ck_assert_int_eq(sealed_write(&w, &publics[1], 1, &whole, noise), ERR_OK);
    ck_assert(open_with(1, wire_written(&w), &out));
    ck_assert_int_eq(out.type, SEALED_BYTES);
}
END_TEST

/* All that lies open is the header: the content, the signer and the target are nowhere in it. */
START_TEST(nothing_of_the_inside_shows)
{
    struct bytes input = seal(2, bytes_of_string("a content of some length"));
    ck_assert_ptr_null(memmem(input.data, input.size, "content", 7));
    ck_assert_ptr_null(memmem(input.data, input.size, target, 8));
    for (size_t i = 0; i < 3; i++)
        ck_assert_ptr_null(memmem(input.data, input.size, publics[i], 8));
}
END_TEST

START_TEST(no_flipped_bit_opens)
{
    struct bytes input = seal(2, bytes_of_string(CONTENT));
    struct sealed_content out;
    for (size_t i = 0; i < 8 * input.size; i++) {
        sealed_data[i / 8] ^= (uint8_t)(1 << i % 8);
        ck_assert_msg(!open_with(1, input, &out), "bit %zu", i);
        ck_assert_msg(!open_with(2, input, &out), "bit %zu", i);
        sealed_data[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    ck_assert(open_with(1, input, &out) && open_with(2, input, &out));
}
END_TEST

START_TEST(no_cut_and_no_addition_opens)
{
    struct bytes input = seal(2, bytes_of_string(CONTENT));
    struct sealed_content out;
    for (size_t size = 0; size < input.size; size++) {
        uint8_t *cut = malloc(size + 1); /* of its exact size, for the sanitizer */
        memcpy(cut, input.data, size);
        ck_assert_msg(!open_with(1, bytes_of(cut, size), &out), "size %zu", size);
        free(cut);
    }
    sealed_data[input.size] = 0;
    ck_assert(!open_with(1, bytes_of(input.data, input.size + 1), &out));
}
END_TEST

static enum sealed_fault open_as(const uint8_t *signer, uint8_t kind, const uint8_t *place)
{
    struct sealed s;
    struct sealed_content out;
    uint8_t key[SEALED_KEY_SIZE];
    ck_assert(sealed_read(seal(1, bytes_of_string(CONTENT)), &s));
    ck_assert(sealed_unwrap(&s, publics[1], secrets[1], key));
    enum sealed_fault fault = sealed_open(&s, key, signer, kind, place, opened_data, &out);
    ck_assert((fault == SEALED_OPENED) == (out.content.data != NULL));
    return fault;
}

START_TEST(it_opens_in_its_own_record_alone)
{
    uint8_t elsewhere[HASH_SHA1_SIZE];
    memcpy(elsewhere, target, sizeof elsewhere);
    elsewhere[HASH_SHA1_SIZE - 1] ^= 1;
    ck_assert_int_eq(open_as(publics[0], 2, target), SEALED_OPENED);
    ck_assert_int_eq(open_as(publics[1], 2, target), SEALED_OTHER_SIGNER);
    ck_assert_int_eq(open_as(publics[0], 3, target), SEALED_OTHER_TARGET);
    ck_assert_int_eq(open_as(publics[0], 2, elsewhere), SEALED_OTHER_TARGET);
}
END_TEST

START_TEST(a_wrong_content_key_is_damage)
{
    struct sealed s;
    struct sealed_content out;
    uint8_t key[SEALED_KEY_SIZE] = {1};
    ck_assert(sealed_read(seal(1, bytes_of_string(CONTENT)), &s));
    ck_assert_int_eq(sealed_open(&s, key, publics[0], 2, target, opened_data, &out),
                     SEALED_DAMAGED);
}
END_TEST

START_TEST(a_type_that_is_not_known_is_damage)
{
    struct wire_writer w;
    struct sealed_content whole = content_of(bytes_of_string(CONTENT)), out;
    whole.type = (enum sealed_type)3;
    wire_writer_init(&w, sealed_data, sizeof sealed_data);
    ck_assert_int_eq(sealed_write(&w, &publics[1], 1, &whole, noise), ERR_OK);
    ck_assert(!open_with(1, wire_written(&w), &out));
}
END_TEST

START_TEST(another_version_or_count_is_not_read)
{
    struct sealed s;
    struct bytes input =
        seal(8, bytes_of_string("long enough for one wrapped key more than those that are there"));
    ck_assert(sealed_read(input, &s));
    for (unsigned byte = 0; byte <= UINT8_MAX; byte++) {
        sealed_data[0] = (uint8_t)byte;
        sealed_data[1] = 8;
        ck_assert_int_eq(sealed_read(input, &s), byte == 1);
        sealed_data[0] = 1;
        sealed_data[1] = (uint8_t)byte;
        ck_assert_int_eq(sealed_read(input, &s), byte >= 1 && byte <= SEALED_RECIPIENTS_MAX);
    }
}
END_TEST

/* An ephemeral key of small order makes a shared secret that everybody knows. */
START_TEST(a_sender_of_small_order_opens_nothing)
{
    struct bytes input = seal(1, bytes_of_string(CONTENT));
    struct sealed s;
    uint8_t key[SEALED_KEY_SIZE];
    memset(sealed_data + 2, 0, SEALED_KEY_SIZE);
    ck_assert(sealed_read(input, &s));
    ck_assert(!sealed_unwrap(&s, publics[1], secrets[1], key));
}
END_TEST

static enum err try_write(size_t count, size_t capacity)
{
    static uint8_t many[SEALED_RECIPIENTS_MAX + 1][KEYS_PUBLIC_SIZE];
    struct wire_writer w;
    struct sealed_content whole = content_of(bytes_of_string(CONTENT));
    for (size_t i = 0; i <= SEALED_RECIPIENTS_MAX; i++)
        memcpy(many[i], publics[1], KEYS_PUBLIC_SIZE);
    wire_writer_init(&w, sealed_data, capacity);
    enum err err = sealed_write(&w, many, count, &whole, noise);
    ck_assert_int_eq(w.failed, err != ERR_OK);
    return err;
}

START_TEST(one_to_eight_recipients_within_the_room_given)
{
    size_t size = SEALED_OVERHEAD_SIZE(8) + strlen(CONTENT);
    ck_assert_int_eq(try_write(0, sizeof sealed_data), ERR_INVALID_PARAMS);
    ck_assert_int_eq(try_write(9, sizeof sealed_data), ERR_INVALID_PARAMS);
    ck_assert_int_eq(try_write(8, size), ERR_OK);
    ck_assert_int_eq(try_write(8, size - 1), ERR_TOO_BIG);
}
END_TEST

/* The neutral element, a y that is on no point of the curve, and RFC 8032's key. */
START_TEST(a_key_without_an_x25519_form_receives_nothing)
{
    struct wire_writer w;
    struct sealed_content whole = content_of(bytes_of_string(CONTENT));
    uint8_t bad[2][KEYS_PUBLIC_SIZE] = {{1}, {2}};
    ck_assert(sealed_can_receive(publics[0]));
    for (size_t i = 0; i < 2; i++) {
        ck_assert(!sealed_can_receive(bad[i]));
        wire_writer_init(&w, sealed_data, sizeof sealed_data);
        ck_assert_int_eq(sealed_write(&w, &bad[i], 1, &whole, noise), ERR_INVALID_PARAMS);
        ck_assert(w.failed);
    }
}
END_TEST

START_TEST(the_vector_holds_and_is_documented)
{
    static char hex[2 * SEALED_SIZE_MAX + 1], page[200000];
    struct bytes input = seal(2, bytes_of_string(CONTENT));
    ck_assert_str_eq(hex_encode(input, hex), VECTOR);
    FILE *file = fopen("docs/PROTOCOL.md", "rb");
    ck_assert_ptr_nonnull(file);
    size_t size = fread(page, 1, sizeof page - 1, file), used = 0;
    fclose(file);
    for (size_t i = 0; i < size; i++) {
        if (!isspace((unsigned char)page[i]))
            page[used++] = page[i];
    }
    page[used] = '\0';
    ck_assert_ptr_nonnull(strstr(page, VECTOR));
}
END_TEST

void add_tests(TCase *tests)
{
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_loop_test(tests, each_recipient_opens_it_and_nobody_else, 1,
                        SEALED_RECIPIENTS_MAX + 1);
    tcase_add_test(tests, contents_of_all_sizes_come_back);
    tcase_add_test(tests, bytes_stay_bytes);
    tcase_add_test(tests, nothing_of_the_inside_shows);
    tcase_add_test(tests, no_flipped_bit_opens);
    tcase_add_test(tests, no_cut_and_no_addition_opens);
    tcase_add_test(tests, it_opens_in_its_own_record_alone);
    tcase_add_test(tests, a_wrong_content_key_is_damage);
    tcase_add_test(tests, a_type_that_is_not_known_is_damage);
    tcase_add_test(tests, another_version_or_count_is_not_read);
    tcase_add_test(tests, a_sender_of_small_order_opens_nothing);
    tcase_add_test(tests, one_to_eight_recipients_within_the_room_given);
    tcase_add_test(tests, a_key_without_an_x25519_form_receives_nothing);
    tcase_add_test(tests, the_vector_holds_and_is_documented);
}
