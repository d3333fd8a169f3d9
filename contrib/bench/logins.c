/* Logins: SESSIONS threads with blocking sockets connect, log in as u1..uUSERS in turn, log out and close.
   logins [-3 POP3] [-t TLS from the start] [-p port] [-s sessions] [-n logins] [-u users] [-w password]
   Each reply is checked; sessions come from 127.0.1.1 to 127.0.1.200.  No TLS session is resumed.  Prints one JSON line.
   cc -O2 -pthread -DWITH_TLS logins.c -o logins -lssl -lcrypto    (or without -DWITH_TLS and the libraries) */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#ifdef WITH_TLS
#include <openssl/ssl.h>
static SSL_CTX *context;
#endif

static const char *password = "pw";
static int port = 143, sessions = 20, total = 1000, users = 100, pop3, tls;
static atomic_int next_, ok, bad;
static double *lat;

struct conn {
    int fd;
#ifdef WITH_TLS
    SSL *ssl;
#endif
};

static double now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec + t.tv_nsec / 1e9; }

static int in(struct conn *c, char *p, int n)
{
#ifdef WITH_TLS
    if (c->ssl) return SSL_read(c->ssl, p, n);
#endif
    return recv(c->fd, p, n, 0);
}

static int out(struct conn *c, const char *p, int n)
{
#ifdef WITH_TLS
    if (c->ssl) return SSL_write(c->ssl, p, n) == n;
#endif
    return send(c->fd, p, n, MSG_NOSIGNAL) == n;
}

static int ask(struct conn *c, const char *say, const char *want)     /* until a whole line starts with `want` (good) or its first two octets (not) */
{
    char buf[16384];
    int len = 0, n;
    if (*say && !out(c, say, strlen(say))) return 0;
    while (len < (int)sizeof buf - 1 && (n = in(c, buf + len, sizeof buf - 1 - len)) > 0) {
        len += n;
        buf[len] = 0;
        if (buf[len - 1] != '\n') continue;
        for (char *p = buf; *p; p = strchr(p, '\n') + 1) {
            if (!strncmp(p, want, strlen(want))) return 1;
            if (!strncmp(p, want, 2) || *p == '-') { static atomic_int shown; if (shown++ < 5) fprintf(stderr, "%s", p); return 0; }
        }
    }
    return 0;
}

static int open_(struct conn *c, int from)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7f000001) };
    struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + from % 200) };
    struct timeval tv = { 60, 0 };
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv);
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    bind(c->fd, (void *)&b, sizeof b);
    if (connect(c->fd, (void *)&a, sizeof a)) return 0;
#ifdef WITH_TLS
    if (tls) {
        c->ssl = SSL_new(context);
        SSL_set_fd(c->ssl, c->fd);
        if (SSL_connect(c->ssl) != 1) return 0;
    }
#endif
    return ask(c, "", pop3 ? "+OK" : "* OK");
}

static void close_(struct conn *c)
{
#ifdef WITH_TLS
    if (c->ssl) SSL_free(c->ssl);
#endif
    close(c->fd);
}

static int one(int i)
{
    char who[200], pass[200];
    struct conn c = { 0 };
    int good = open_(&c, i);
    if (good && pop3) {
        snprintf(who, sizeof who, "USER u%d\r\n", i % users + 1);
        snprintf(pass, sizeof pass, "PASS %s\r\n", password);
        good = ask(&c, who, "+OK") && ask(&c, pass, "+OK") && ask(&c, "QUIT\r\n", "+OK");
    } else if (good) {
        snprintf(who, sizeof who, "a LOGIN u%d %s\r\n", i % users + 1, password);
        good = ask(&c, who, "a OK") && ask(&c, "b LOGOUT\r\n", "b OK");
    }
    close_(&c);
    return good;
}

static void *run(void *arg)
{
    int i;
    while ((i = next_++) < total) {
        double t = now();
        if (one(i)) ok++; else bad++;
        lat[i] = now() - t;
    }
    return arg;
}

static int cmp(const void *a, const void *b) { double d = *(double *)a - *(double *)b; return d < 0 ? -1 : d > 0; }

int main(int argc, char **argv)
{
    int o;
    while ((o = getopt(argc, argv, "3tp:s:n:u:w:")) != -1) switch (o) {
        case '3': pop3 = 1; break;               case 't': tls = 1; break;
        case 'p': port = atoi(optarg); break;    case 's': sessions = atoi(optarg); break; case 'n': total = atoi(optarg); break;
        case 'u': users = atoi(optarg); break;   case 'w': password = optarg; break;       default: return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    if (sessions > 1000) sessions = 1000;
    if (tls) {
#ifdef WITH_TLS
        context = SSL_CTX_new(TLS_client_method());
#else
        fprintf(stderr, "built without TLS\n");
        return 2;
#endif
    }
    lat = calloc(total, sizeof *lat);
    pthread_t th[1000];
    double t0 = now();
    for (int i = 0; i < sessions; i++) pthread_create(&th[i], 0, run, 0);
    for (int i = 0; i < sessions; i++) pthread_join(th[i], 0);
    double t = now() - t0;
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
    qsort(lat, total, sizeof *lat, cmp);
    printf("{\"logins\": %d, \"failed\": %d, \"seconds\": %.3f, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"client_cpu_s\": %.2f}\n",
           ok, bad, t, lat[total / 2] * 1e3, lat[(int)(total * .99)] * 1e3,
           ru.ru_utime.tv_sec + ru.ru_stime.tv_sec + (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
    return bad != 0;
}
