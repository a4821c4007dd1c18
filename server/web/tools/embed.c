/*
 * embed HASH < DIGESTS > site.c: writes the files that sha256sum lists in DIGESTS, each with its FILE.gz where that is
 * smaller, as the C source of what server/site.h declares.
 *
 * The names are paths below the current folder and say where a file is served: three have places of their own, all
 * others lie below /assets/HASH, which changes whenever one of them does, so that browsers need never ask again. The
 * digests become the entity tags, so each form of a file (FILE.gz is named too) has its own.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_DIGITS = 64, TAG_DIGITS = 20, NAME_BYTES = 256, MOST_FILES = 1024, LINE_NUMBERS = 32 };

struct file {
    char name[NAME_BYTES];
    char tag[TAG_DIGITS + 1];
    unsigned char *data; /* owned */
    size_t bytes;
};

static struct file files[MOST_FILES];
static size_t count;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("embed: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(EXIT_FAILURE);
}

/* ---- reading ---- */

/* Gives what the file holds. */
static unsigned char *read_file(const char *name, size_t *bytes) {
    FILE *file = fopen(name, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        fail("%s: %s", name, strerror(errno));
    long end = ftell(file);
    rewind(file);
    *bytes = end > 0 ? (size_t)end : 0;
    unsigned char *data = malloc(*bytes + 1);
    if (data == NULL || fread(data, 1, *bytes, file) != *bytes)
        fail("%s: its %zu bytes cannot be read", name, *bytes);
    fclose(file);
    return data;
}

/* Names become C strings and paths as they are, so only what means nothing else in either may be in them. */
static bool is_plain(const char *name) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./";
    return name[0] != '\0' && name[strspn(name, plain)] == '\0';
}

/* A line of sha256sum: the digest, a blank, a blank or an asterisk, the name. */
static void read_line(const char *line) {
    if (count == MOST_FILES)
        fail("there are more than %d files", MOST_FILES);
    struct file *file = &files[count++];
    const char *name = line + DIGEST_DIGITS + 2;
    if (strspn(line, "0123456789abcdef") != DIGEST_DIGITS || strlen(name) >= NAME_BYTES || !is_plain(name))
        fail("'%s' is no digest and the name of a file in letters, digits and -_./", line);
    memcpy(file->tag, line, TAG_DIGITS);
    memcpy(file->name, name, strlen(name) + 1);
    file->data = read_file(name, &file->bytes);
}

static void read_files(void) {
    char line[DIGEST_DIGITS + 2 + NAME_BYTES + 1];
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strlen(line) <= DIGEST_DIGITS + 2)
            fail("'%s' is no line of sha256sum", line);
        read_line(line);
    }
    if (count == 0)
        fail("no files are named on standard input");
}

/* ---- what is known of a file by its name ---- */

static bool ends_in(const char *name, const char *end) {
    size_t bytes = strlen(name), end_bytes = strlen(end);
    return bytes > end_bytes && strcmp(name + bytes - end_bytes, end) == 0;
}

static const char *type_of(const char *name) {
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".json", "application/json"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (ends_in(name, types[i][0]))
            return types[i][1];
    fail("%s: its ending is of no type that type_of knows", name);
}

/* The path of a file that is asked for by a fixed one, or NULL. */
static const char *fixed_path(const char *name) {
    static const char *const paths[][2] = {
        {"index.html", "/"}, {"docs.html", "/docs"}, {"openapi.json", "/openapi.json"}};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (strcmp(name, paths[i][0]) == 0)
            return paths[i][1];
    return NULL;
}

/* The gzip form of a file, or NULL when there is none or it is no smaller. */
static const struct file *gzip_of(const struct file *file) {
    size_t bytes = strlen(file->name);
    for (const struct file *other = files; other < files + count; other++)
        if (strncmp(other->name, file->name, bytes) == 0 && strcmp(other->name + bytes, ".gz") == 0)
            return other->bytes < file->bytes ? other : NULL;
    return NULL;
}

/* ---- writing ---- */

/* Numbers, because ISO C promises no string of more than 4095 characters; C has no array without elements. */
static void write_data(const struct file *file) {
    printf("\n/* %s */\nstatic const unsigned char data_%zu[] = {", file->name, (size_t)(file - files));
    for (size_t i = 0; i < file->bytes; i++)
        printf("%s%d,", i % LINE_NUMBERS == 0 ? "\n" : "", file->data[i]);
    puts(file->bytes == 0 ? "0};" : "\n};");
}

/* The data of a file's forms; a file in gzip is only the form of another. */
static void write_forms(const struct file *file) {
    const struct file *gzip = gzip_of(file);
    if (ends_in(file->name, ".gz"))
        return;
    write_data(file);
    if (gzip != NULL)
        write_data(gzip);
}

static void write_form(const struct file *form) {
    if (form != NULL)
        printf("{data_%zu, %zu, \"\\\"%s\\\"\"}", (size_t)(form - files), form->bytes, form->tag);
    else
        printf("{0}");
}

static void write_row(const char *hash, const struct file *file) {
    const char *path = fixed_path(file->name);
    if (path != NULL)
        printf("    {\"%s\", \"%s\", \"no-cache\",\n     ", path, type_of(file->name));
    else
        printf("    {\"/assets/%s/%s\", \"%s\", \"public, max-age=31536000, immutable\",\n     ", hash,
               file->name, type_of(file->name));
    write_form(file);
    printf(", ");
    write_form(gzip_of(file));
    puts("},");
}

static void write_source(const char *hash) {
    puts("/* Made by server/web/tools/embed.c of what is in server/web. */\n#include \"server/site.h\"");
    for (const struct file *file = files; file < files + count; file++)
        write_forms(file);
    puts("\nstatic const struct site_file files[] = {");
    for (const struct file *file = files; file < files + count; file++)
        if (!ends_in(file->name, ".gz"))
            write_row(hash, file);
    printf("};\n\nconst struct site server_site = {\"/assets/%s\", files, sizeof files / sizeof files[0]};\n",
           hash);
    if (fflush(stdout) != 0 || ferror(stdout))
        fail("the source cannot be written");
}

int main(int argc, char **argv) {
    if (argc != 2 || !is_plain(argv[1]))
        fail("usage: embed HASH < DIGESTS > site.c");
    read_files();
    write_source(argv[1]);
    for (size_t i = 0; i < count; i++)
        free(files[i].data);
    return EXIT_SUCCESS;
}
