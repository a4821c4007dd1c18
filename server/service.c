#include "server/service.h"

static atomic_int *shard(struct service *service) {
    static atomic_uint threads;
    static _Thread_local int mine = -1;
    if (mine < 0)
        mine = (int)(atomic_fetch_add(&threads, 1) % SERVICE_SHARDS);
    return &service->in_flight[mine].requests;
}

void service_enter(struct service *service) {
    atomic_fetch_add(shard(service), 1);
}

void service_leave(struct service *service) {
    atomic_fetch_sub(shard(service), 1);
}

int service_in_flight(const struct service *service) {
    int requests = 0;
    for (int i = 0; i < SERVICE_SHARDS; i++)
        requests += atomic_load(&service->in_flight[i].requests);
    return requests;
}
