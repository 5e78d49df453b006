#include "support/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service/state/file.h"
#include "service/state/reader.h"
#include "service/state/writer.h"
#include "support/alloc.h"
#include "support/process.h"

/*! Room for the paths of these tests. */
#define PATH_SIZE 200

/*! A directory of its own, and a file in it. */
typedef struct {
	char directory[DIRECTORY_MAX];
	char path[PATH_SIZE];
} place_t;

static place_t make_place(void)
{
	place_t place;
	make_directory(place.directory);
	(void)snprintf(place.path, sizeof(place.path), "%s/a.state", place.directory);
	return place;
}

/*! Removes the place: in it there may be the file and one with this suffix, and nothing else. */
static void remove_place(const place_t *place, const char *suffix)
{
	char other[PATH_SIZE + 10];
	(void)snprintf(other, sizeof(other), "%s%s", place->path, suffix);
	if (suffix[0] != '\0') {
		assert_int_equal(unlink(other), 0);
	}
	assert_true(unlink(place->path) == 0 || errno == ENOENT);
	assert_int_equal(rmdir(place->directory), 0);
}

static void put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

/*! Is this what is at the path? */
static void check_text(const char *path, const char *text)
{
	char is[PATH_SIZE] = "";
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, is, sizeof(is) - 1), strlen(text));
	assert_string_equal(is, text);
	(void)close(fd);
}

static aname_state_file_error_t write_text(aname_state_file_t *file, const char *text)
{
	return aname_state_file_write(file, (const uint8_t *)text, strlen(text));
}

static void check_read(const aname_state_file_t *file, const char *text)
{
	uint8_t *data;
	size_t len;
	assert_int_equal(aname_state_file_read(file, SIZE_MAX, &data, &len), ANAME_STATE_FILE_OK);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(data, text, len);
	free(data);
}

static mode_t mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/*! In a process of its own: what comes of holding the file. */
static aname_state_file_error_t other_process_holds(const char *path)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		aname_state_file_t file;
		_exit(aname_state_file_hold(&file, path));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void written_and_read(void **state)
{
	place_t place = make_place();
	mode_t umask_before = umask(0277);
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	check_read(&file, "");
	for (unsigned i = 0; i < 20; i++) {
		char text[20];
		(void)snprintf(text, sizeof(text), "content %u", i);
		assert_int_equal(write_text(&file, text), ANAME_STATE_FILE_OK);
		check_text(place.path, text);
		check_read(&file, text);
		assert_int_equal(mode_of(place.path), 0600);
	}
	(void)umask(umask_before);
	aname_state_file_release(&file);
	assert_int_equal(file.fd, -1);
	aname_state_file_release(&file);
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	check_read(&file, "content 19");
	aname_state_file_release(&file);
	remove_place(&place, "");
}

static void large_content(void **state)
{
	place_t place = make_place();
	aname_state_file_t file;
	size_t size = 20000000, len;
	uint8_t *data = malloc(size), *read;
	assert_non_null(data);
	memset(data, 'x', size);
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(aname_state_file_write(&file, data, size), ANAME_STATE_FILE_OK);
	assert_int_equal(aname_state_file_read(&file, SIZE_MAX, &read, &len), ANAME_STATE_FILE_OK);
	assert_int_equal(len, size);
	assert_memory_equal(read, data, size);
	free(read);
	free(data);
	aname_state_file_release(&file);
	remove_place(&place, "");
}

static void held_by_one(void **state)
{
	place_t place = make_place();
	aname_state_file_t file, other;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(other_process_holds(place.path), ANAME_STATE_FILE_HELD);
	assert_int_equal(aname_state_file_hold(&other, place.path), ANAME_STATE_FILE_HELD);
	assert_int_equal(other.fd, -1);
	assert_null(other.path);
	/* The one that takes its place is held as well, and so is what comes after that. */
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(write_text(&file, "content"), ANAME_STATE_FILE_OK);
		assert_int_equal(other_process_holds(place.path), ANAME_STATE_FILE_HELD);
	}
	aname_state_file_release(&file);
	assert_int_equal(other_process_holds(place.path), ANAME_STATE_FILE_OK);
	remove_place(&place, "");
}

/*! Writes in a process of its own until it is killed. */
static pid_t start_writer(const char *path)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0) {
		return pid;
	}
	/* Not longer than the test, however that ends. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	aname_state_file_t file;
	if (aname_state_file_hold(&file, path) != ANAME_STATE_FILE_OK) {
		_exit(1);
	}
	char text[] = "content 0";
	for (;;) {
		if (write_text(&file, text) != ANAME_STATE_FILE_OK) {
			_exit(1);
		}
		text[8] = text[8] == '9' ? '0' : text[8] + 1;
	}
}

static void killed_while_writing(void **state)
{
	place_t place = make_place();
	put_text(place.path, "content 9");
	for (unsigned i = 0; i < 50; i++) {
		pid_t pid = start_writer(place.path);
		(void)usleep(1000 * (i % 7));
		assert_int_equal(kill(pid, SIGKILL), 0);
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		aname_state_file_t file;
		assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
		uint8_t *data;
		size_t len;
		assert_int_equal(aname_state_file_read(&file, SIZE_MAX, &data, &len),
		                 ANAME_STATE_FILE_OK);
		assert_int_equal(len, 9);
		assert_memory_equal(data, "content ", 8);
		free(data);
		aname_state_file_release(&file);
	}
	/* What is left of the last one is in the way of nobody. */
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "content"), ANAME_STATE_FILE_OK);
	aname_state_file_release(&file);
	remove_place(&place, "");
}

static void held_while_it_is_replaced(void **state)
{
	place_t place = make_place();
	pid_t pid = start_writer(place.path);
	aname_state_file_t file;
	/* It has begun once there is something in it. */
	struct stat st;
	while (stat(place.path, &st) != 0 || st.st_size == 0) {
		(void)sched_yield();
	}
	for (unsigned i = 0; i < 20000; i++) {
		assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_HELD);
	}
	int status;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "content"), ANAME_STATE_FILE_OK);
	aname_state_file_release(&file);
	remove_place(&place, "");
}

typedef struct {
	const char *proves;
	void (*make)(const char *path); /*!< What is there. */
} odd_row_t;

static void make_fifo(const char *path)
{
	assert_int_equal(mkfifo(path, 0600), 0);
}
static void make_link(const char *path)
{
	assert_int_equal(symlink("/etc/hostname", path), 0);
}
static void make_dead_link(const char *path)
{
	assert_int_equal(symlink("nowhere", path), 0);
}
static void make_dir(const char *path)
{
	assert_int_equal(mkdir(path, 0700), 0);
}
static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	(void)close(fd);
}

static const odd_row_t odd_rows[] = {
	{ "S3: a pipe is not held, and not waited for", make_fifo },
	{ "S3: a symbolic link is not followed", make_link },
	{ "S3: nor one to nowhere", make_dead_link },
	{ "S3: a directory is not held", make_dir },
	{ "S3: a socket is not held", make_socket },
};

static void check_odd(void **state)
{
	const odd_row_t *row = *state;
	place_t place = make_place();
	row->make(place.path);
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_ODD);
	assert_int_equal(file.fd, -1);
	/* The same, where it comes when the file is held. */
	assert_int_equal(remove(place.path), 0);
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(unlink(place.path), 0);
	row->make(place.path);
	assert_int_equal(write_text(&file, "content"), ANAME_STATE_FILE_ODD);
	aname_state_file_release(&file);
	assert_int_equal(remove(place.path), 0);
	remove_place(&place, "");
}

static void through_linked_directory(void **state)
{
	place_t place = make_place();
	char link[PATH_SIZE], path[PATH_SIZE + 10];
	(void)snprintf(link, sizeof(link), "%s/b", place.directory);
	(void)snprintf(path, sizeof(path), "%s/a.state", link);
	assert_int_equal(symlink(".", link), 0);
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, path), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "content"), ANAME_STATE_FILE_OK);
	check_text(place.path, "content");
	aname_state_file_release(&file);
	assert_int_equal(unlink(link), 0);
	remove_place(&place, "");
}

static void left_over(void **state)
{
	place_t place = make_place();
	char aside[PATH_SIZE + 10], target[PATH_SIZE];
	(void)snprintf(aside, sizeof(aside), "%s" ANAME_STATE_FILE_NEW, place.path);
	(void)snprintf(target, sizeof(target), "%s/target", place.directory);
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	put_text(aside, "half a cont");
	assert_int_equal(write_text(&file, "first"), ANAME_STATE_FILE_OK);
	check_text(place.path, "first");
	/* A link there leads nowhere. */
	put_text(target, "keep");
	assert_int_equal(symlink(target, aside), 0);
	assert_int_equal(write_text(&file, "second"), ANAME_STATE_FILE_OK);
	check_text(place.path, "second");
	check_text(target, "keep");
	assert_int_equal(unlink(target), 0);
	/* What cannot be removed is told. */
	assert_int_equal(mkdir(aside, 0700), 0);
	assert_int_equal(write_text(&file, "third"), ANAME_STATE_FILE_ERROR);
	assert_int_equal(errno, EISDIR);
	check_text(place.path, "second");
	assert_int_equal(rmdir(aside), 0);
	aname_state_file_release(&file);
	remove_place(&place, "");
}

/*! Nothing may be beside the file, which is as before. */
static void check_untouched(const place_t *place, aname_state_file_t *file)
{
	char aside[PATH_SIZE + 10];
	(void)snprintf(aside, sizeof(aside), "%s" ANAME_STATE_FILE_NEW, place->path);
	assert_int_equal(access(aside, F_OK), -1);
	check_text(place->path, "before");
	check_read(file, "before");
	assert_int_equal(other_process_holds(place->path), ANAME_STATE_FILE_HELD);
}

static void larger_than_allowed(void **state)
{
	place_t place = make_place();
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "before"), ANAME_STATE_FILE_OK);
	struct rlimit before, limit;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = (struct rlimit){ .rlim_cur = 10, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	aname_state_file_error_t error = write_text(&file, "much too long");
	int why = errno;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(error, ANAME_STATE_FILE_ERROR);
	assert_int_equal(why, EFBIG);
	check_untouched(&place, &file);
	aname_state_file_release(&file);
	remove_place(&place, "");
}

/*! A file system of 64 KiB; a process of its own, since it needs a namespace of its own. */
static void full_disk(const void *arg)
{
	const place_t *place = arg;
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", place->directory, "tmpfs", 0, "size=64k") != 0) {
		(void)fprintf(stderr, "not root: no disk that could be full\n");
		return;
	}
	static uint8_t data[100000];
	aname_state_file_t file;
	CHECK(aname_state_file_hold(&file, place->path) == ANAME_STATE_FILE_OK);
	CHECK(write_text(&file, "before") == ANAME_STATE_FILE_OK);
	CHECK(aname_state_file_write(&file, data, sizeof(data)) == ANAME_STATE_FILE_ERROR);
	CHECK(errno == ENOSPC);
	uint8_t *read;
	size_t len;
	CHECK(aname_state_file_read(&file, SIZE_MAX, &read, &len) == ANAME_STATE_FILE_OK);
	CHECK(len == 6 && memcmp(read, "before", 6) == 0);
	free(read);
	/* There is room again, since nothing is left. */
	CHECK(aname_state_file_write(&file, data, 30000) == ANAME_STATE_FILE_OK);
	CHECK(aname_state_file_write(&file, data, 30000) == ANAME_STATE_FILE_OK);
	aname_state_file_release(&file);
}

static void no_space(void **state)
{
	place_t place = make_place();
	live(full_disk, &place);
	remove_place(&place, "");
}

/*! A directory that may be read and not written; root may always, so it is nobody's. */
static void read_only(const void *arg)
{
	const place_t *place = arg;
	if (getuid() == 0) {
		CHECK(chown(place->directory, 65534, 65534) == 0 &&
		      chown(place->path, 65534, 65534) == 0);
		CHECK(setgid(65534) == 0 && setuid(65534) == 0);
	}
	CHECK(chmod(place->directory, 0500) == 0);
	aname_state_file_t file;
	char other[PATH_SIZE + 10];
	(void)snprintf(other, sizeof(other), "%s/b.state", place->directory);
	CHECK(aname_state_file_hold(&file, other) == ANAME_STATE_FILE_ERROR && errno == EACCES);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *data;
		size_t len;
		CHECK(aname_state_file_hold(&file, place->path) == ANAME_STATE_FILE_OK);
		CHECK(aname_state_file_read(&file, SIZE_MAX, &data, &len) == ANAME_STATE_FILE_OK);
		CHECK(len == 6 && memcmp(data, "before", 6) == 0);
		free(data);
		CHECK(write_text(&file, "after") == ANAME_STATE_FILE_ERROR && errno == EACCES);
		aname_state_file_release(&file);
		/* The same if the file itself may not be written either. */
		CHECK(chmod(place->path, 0400) == 0);
	}
	CHECK(chmod(place->directory, 0700) == 0);
}

static void directory_not_writable(void **state)
{
	place_t place = make_place();
	put_text(place.path, "before");
	live(read_only, &place);
	check_text(place.path, "before");
	remove_place(&place, "");
}

static void directory_removed(void **state)
{
	place_t place = make_place();
	aname_state_file_t file, other;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	remove_place(&place, "");
	assert_int_equal(write_text(&file, "content"), ANAME_STATE_FILE_ERROR);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(aname_state_file_hold(&other, place.path), ANAME_STATE_FILE_ERROR);
	assert_int_equal(errno, ENOENT);
	/* It is back, and all is well. */
	assert_int_equal(mkdir(place.directory, 0700), 0);
	assert_int_equal(write_text(&file, "content"), ANAME_STATE_FILE_OK);
	check_text(place.path, "content");
	aname_state_file_release(&file);
	remove_place(&place, "");
}

static void removed_underneath(void **state)
{
	place_t place = make_place();
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "before"), ANAME_STATE_FILE_OK);
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(write_text(&file, "after"), ANAME_STATE_FILE_OK);
	check_text(place.path, "after");
	assert_int_equal(other_process_holds(place.path), ANAME_STATE_FILE_HELD);
	aname_state_file_release(&file);
	remove_place(&place, "");
}

static void replaced_underneath(void **state)
{
	place_t place = make_place();
	aname_state_file_t file, other;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(unlink(place.path), 0);
	/* Whoever holds what is there now keeps it ... */
	assert_int_equal(aname_state_file_hold(&other, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&other, "the other's"), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "ours"), ANAME_STATE_FILE_HELD);
	check_text(place.path, "the other's");
	/* ... until it lets go; and if it is something else, it stays. */
	aname_state_file_release(&other);
	assert_int_equal(write_text(&file, "ours"), ANAME_STATE_FILE_FOREIGN);
	check_text(place.path, "the other's");
	put_text(place.path, "mod-aname state\nof another time");
	assert_int_equal(write_text(&file, "ours"), ANAME_STATE_FILE_OK);
	check_text(place.path, "ours");
	aname_state_file_release(&file);
	remove_place(&place, "");
}

static void looked_at(void **state)
{
	/* S3: what is something else is told by its head, and of what is not whole no more is read. */
	place_t place = make_place();
	aname_state_file_t file;
	size_t size;
	put_text(place.path, "Nobody may overwrite this, however long it is.");
	assert_int_equal(truncate(place.path, INT64_C(1) << 30), 0);
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(aname_state_file_look(&file, &size), ANAME_STATE_FILE_FOREIGN);
	aname_state_file_release(&file);
	assert_int_equal(truncate(place.path, 0), 0);
	put_text(place.path, "mod-aname state\n");
	assert_int_equal(truncate(place.path, INT64_C(1) << 30), 0);
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(aname_state_file_look(&file, &size), ANAME_STATE_FILE_OK);
	assert_int_equal(size, 64);
	aname_state_file_release(&file);
	remove_place(&place, "");
}

static void removed(void **state)
{
	place_t place = make_place();
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "ours"), ANAME_STATE_FILE_OK);
	aname_state_file_remove(place.path); /* It is held. */
	check_text(place.path, "ours");
	aname_state_file_release(&file);
	aname_state_file_remove(place.path);
	assert_int_equal(access(place.path, F_OK), -1);
	put_text(place.path, "");
	remove_place(&place, "");
}

static void kept_aside(void **state)
{
	place_t place = make_place();
	char unread[PATH_SIZE + 10];
	(void)snprintf(unread, sizeof(unread), "%s" ANAME_STATE_FILE_UNREAD, place.path);
	put_text(place.path, "a newer one's");
	put_text(unread, "an older one's");
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(aname_state_file_put_aside(&file), ANAME_STATE_FILE_OK);
	check_text(place.path, "a newer one's");
	check_text(unread, "a newer one's");
	assert_int_equal(write_text(&file, "ours"), ANAME_STATE_FILE_OK);
	check_text(place.path, "ours");
	check_text(unread, "a newer one's");
	aname_state_file_release(&file);
	remove_place(&place, ANAME_STATE_FILE_UNREAD);
}

/*! Where there can be no link there is a copy; here, since the path names nothing any more. */
static void kept_aside_by_copy(void **state)
{
	place_t place = make_place();
	put_text(place.path, "a newer one's");
	aname_state_file_t file;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(unlink(place.path), 0);
	assert_int_equal(aname_state_file_put_aside(&file), ANAME_STATE_FILE_OK);
	aname_state_file_release(&file);
	char unread[PATH_SIZE + 10];
	(void)snprintf(unread, sizeof(unread), "%s" ANAME_STATE_FILE_UNREAD, place.path);
	check_text(unread, "a newer one's");
	assert_int_equal(mode_of(unread), 0600);
	remove_place(&place, ANAME_STATE_FILE_UNREAD);
}

static void much_too_large(void **state)
{
	place_t place = make_place();
	put_text(place.path, "x");
	assert_int_equal(truncate(place.path, ANAME_STATE_SIZE_MAX + 1), 0);
	aname_state_file_t file;
	uint8_t *data;
	size_t len;
	assert_int_equal(aname_state_file_hold(&file, place.path), ANAME_STATE_FILE_OK);
	assert_int_equal(aname_state_file_read(&file, SIZE_MAX, &data, &len),
	                 ANAME_STATE_FILE_LARGE);
	assert_null(data);
	assert_int_equal(aname_state_file_put_aside(&file), ANAME_STATE_FILE_OK);
	assert_int_equal(write_text(&file, "ours"), ANAME_STATE_FILE_OK);
	aname_state_file_release(&file);
	remove_place(&place, ANAME_STATE_FILE_UNREAD);
}

static int open_files(void)
{
	int count = 0;
	for (int fd = 0; fd < 1000; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	return count;
}

static bool attempt(void *place)
{
	const char *path = ((const place_t *)place)->path;
	aname_state_file_t file;
	uint8_t *data = NULL;
	size_t len;
	bool good = aname_state_file_hold(&file, path) == ANAME_STATE_FILE_OK &&
	            write_text(&file, "content") == ANAME_STATE_FILE_OK &&
	            aname_state_file_read(&file, SIZE_MAX, &data, &len) == ANAME_STATE_FILE_OK;
	free(data);
	aname_state_file_release(&file);
	return good;
}

static void out_of_memory(void **state)
{
	place_t place = make_place();
	int before = open_files();
	assert_int_equal(alloc_fail_each(attempt, &place), 4);
	assert_int_equal(open_files(), before);
	check_text(place.path, "content");
	remove_place(&place, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("S1: what is written is read, and nobody else may", written_and_read),
		PROVES("S1: so is what is large", large_content),
		PROVES("S3: one process holds a file, and every one that takes its place",
		       held_by_one),
		PROVES("S1: killed at any moment, a writer leaves a whole file",
		       killed_while_writing),
		PROVES("S3: nobody else gets hold of a file that is replaced all the time",
		       held_while_it_is_replaced),
		PROVES("a directory on the way may be a link", through_linked_directory),
		PROVES("what was left aside is in the way of nobody", left_over),
		PROVES("what is larger than the process may write is not begun",
		       larger_than_allowed),
		PROVES("S1: on a full disk the file before stands", no_space),
		PROVES("a directory that is not writable: read, and told", directory_not_writable),
		PROVES("a directory that is gone is told, and taken when it is back",
		       directory_removed),
		PROVES("a file that somebody removes is made anew", removed_underneath),
		PROVES("S3: a file that another holds in its place is left alone",
		       replaced_underneath),
		PROVES("S3: a file is looked at before it is read", looked_at),
		PROVES("a file that is left goes, if nobody holds it", removed),
		PROVES("S3: what could not be read is kept under another name", kept_aside),
		PROVES("S3: as a copy, where it has to be", kept_aside_by_copy),
		PROVES("S3: what is much too large is not read", much_too_large),
		PROVES("out of memory: told, nothing left open", out_of_memory),
	};
	return RUN_ROWS("state file: what is no file", odd_rows, check_odd) +
	       RUN_TESTS("state file: the rest", tests);
}
