/* SMTP/LMTP load: SESSIONS threads with blocking sockets send N messages round-robin to u1..uUSERS@DOMAIN.
   blast [-L] [-h host] [-p port] [-s sessions] [-n messages] [-u users] [-d domain] [-r msgs/connection, 0=all] [-P pipeline] [-Q quickack] -D dir
   Messages are the files of DIR in the order of their names, each sent with a fresh Message-ID header on top.
   Sessions come from 127.0.1.1 to 127.0.1.200, so that a bound per client address is not what is measured.  Prints one JSON line.
   cc -O2 -pthread blast.c -o blast */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>

static const char *host = "127.0.0.1", *domain = "bench.test", *dir;
static int port = 25, sessions = 20, total = 1000, users = 100, lmtp, per = 0, pipe_, quick;
static struct { char *p; int n; } msg[4096];
static int nmsg;
static atomic_int next_, ok, bad;
static double *lat;

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

struct conn { int fd, len, from; char buf[8192]; };

static int reply(struct conn *c)                 /* read one (multi-line) reply, return its code */
{
    for (;;) {
        char *nl;
        while ((nl = memchr(c->buf, '\n', c->len))) {
            int code = atoi(c->buf), last = c->buf[3] != '-', used = nl + 1 - c->buf;
            static atomic_int shown;
            if (code >= 400 && shown++ < 5) fprintf(stderr, "%.*s\n", used - 2, c->buf);
            memmove(c->buf, nl + 1, c->len -= used);
            if (last) return code;
        }
        if (quick) setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &quick, sizeof quick);
        int n = recv(c->fd, c->buf + c->len, sizeof c->buf - c->len, 0);
        if (n <= 0) return 0;
        c->len += n;
    }
}

static int say(struct conn *c, const char *s) { return send(c->fd, s, strlen(s), MSG_NOSIGNAL) > 0; }
static int ask(struct conn *c, const char *s, int want) { return say(c, s) && reply(c) / 100 == want; }

static int open_(struct conn *c)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct timeval tv = { 60, 0 };
    int one = 1;
    inet_pton(AF_INET, host, &a.sin_addr);
    c->len = 0;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + c->from % 200) };
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind(c->fd, (void *)&b, sizeof b);
    return !connect(c->fd, (void *)&a, sizeof a) && reply(c) == 220 && ask(c, lmtp ? "LHLO b.test\r\n" : "EHLO b.test\r\n", 2);
}

static int one(struct conn *c, int i)
{
    char rcpt[200], head[200], env[500];
    snprintf(rcpt, sizeof rcpt, "RCPT TO:<u%d@%s>\r\n", i % users + 1, domain);
    int h = snprintf(head, sizeof head, "Message-ID: <b%d.%ld.%d@blast.test>\r\n", i, (long)time(0), getpid());
    if (pipe_) {
        snprintf(env, sizeof env, "MAIL FROM:<bench@example.com>\r\n%sDATA\r\n", rcpt);
        if (!say(c, env) || reply(c) / 100 != 2 || reply(c) / 100 != 2 || reply(c) != 354) return 0;
    } else if (!ask(c, "MAIL FROM:<bench@example.com>\r\n", 2) || !ask(c, rcpt, 2) || !ask(c, "DATA\r\n", 3)) return 0;
    struct iovec v[3] = { { head, h }, { msg[i % nmsg].p, msg[i % nmsg].n }, { ".\r\n", 3 } };
    return writev(c->fd, v, 3) == v[0].iov_len + v[1].iov_len + 3 && reply(c) / 100 == 2;
}

static void *run(void *arg)
{
    struct conn c = { .from = (int)(long)arg };
    int up = 0, done = 0, i;
    while ((i = next_++) < total) {
        double t = now();
        if (!up && !(up = open_(&c))) { bad++; close(c.fd); continue; }
        if (one(&c, i)) ok++; else { bad++; close(c.fd); up = 0; continue; }
        lat[i] = now() - t;
        if (per && ++done % per == 0) { ask(&c, "QUIT\r\n", 2); close(c.fd); up = 0; }
    }
    if (up) { ask(&c, "QUIT\r\n", 2); close(c.fd); }
    return arg;
}

static int cmp(const void *a, const void *b) { double d = *(double *)a - *(double *)b; return d < 0 ? -1 : d > 0; }

int main(int argc, char **argv)
{
    int o;
    while ((o = getopt(argc, argv, "Lh:p:s:n:u:d:r:PQD:")) != -1) switch (o) {
        case 'L': lmtp = 1; break;       case 'h': host = optarg; break;  case 'p': port = atoi(optarg); break;
        case 's': sessions = atoi(optarg); break; case 'n': total = atoi(optarg); break; case 'u': users = atoi(optarg); break;
        case 'd': domain = optarg; break; case 'r': per = atoi(optarg); break; case 'P': pipe_ = 1; break; case 'Q': quick = 1; break; case 'D': dir = optarg; break;
        default: return 2;
    }
    if (sessions > 1000) sessions = 1000;
    if (strncmp(host, "127.", 4)) { fprintf(stderr, "loopback only\n"); return 2; }
    struct dirent **names;
    int files = scandir(dir ? dir : ".", &names, 0, alphasort);
    for (int k = 0; k < files && nmsg < 4096; k++) {
        struct dirent *e = names[k];
        char path[4096];
        FILE *f;
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] == '.' || !(f = fopen(path, "r"))) continue;
        msg[nmsg].p = malloc(1 << 20);
        msg[nmsg].n = fread(msg[nmsg].p, 1, 1 << 20, f);
        nmsg++;
        fclose(f);
    }
    if (!nmsg) { fprintf(stderr, "no messages in %s\n", dir); return 2; }
    lat = calloc(total, sizeof *lat);
    pthread_t th[1000];
    double t0 = now();
    for (int i = 0; i < sessions; i++) pthread_create(&th[i], 0, run, (void *)(long)i);
    for (int i = 0; i < sessions; i++) pthread_join(th[i], 0);
    double t = now() - t0;
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    qsort(lat, total, sizeof *lat, cmp);
    printf("{\"sent\": %d, \"failed\": %d, \"accept_s\": %.3f, \"accept_per_s\": %.1f, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"client_cpu_s\": %.2f}\n",
           ok, bad, t, ok / t, lat[total / 2] * 1e3, lat[(int)(total * .99)] * 1e3,
           ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    return bad != 0;
}
