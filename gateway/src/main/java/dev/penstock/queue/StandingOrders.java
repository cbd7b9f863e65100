package dev.penstock.queue;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongPredicate;

import dev.penstock.spool.Orders;
import dev.penstock.spool.SpoolEntry;

/**
 * What operators have ordered for queued destinations, of those for which anything is. Thread-safe. An order is changed by who
 * has its item in hand, under the lock that guards the item.
 */
final class StandingOrders {
    /** An entry of the table with its node. */
    static final int OCTETS = 64;

    private final Map<SpoolEntry, Orders> all = new ConcurrentHashMap<>();
    /** One object for those that are alike: a job's are. */
    private final Map<Orders, Orders> alike = new ConcurrentHashMap<>();

    Orders of(SpoolEntry entry) {
        return all.isEmpty() ? Orders.NONE : all.getOrDefault(entry, Orders.NONE);
    }

    void put(SpoolEntry entry, Orders orders) {
        if (orders.isNone()) {
            remove(entry);
            return;
        }
        Orders known = alike.putIfAbsent(orders, orders);
        all.put(entry, known == null ? orders : known);
    }

    void remove(SpoolEntry entry) {
        if (!all.isEmpty()) {
            all.remove(entry);
            if (all.isEmpty()) {
                alike.clear(); // what is put just now is only not shared
            }
        }
    }

    /** Jobs are over: which did something last isn't asked any more. */
    void forgetJobs(LongPredicate over) {
        all.replaceAll((_, orders) -> {
            if (orders.job() == 0 || !over.test(orders.job())) {
                return orders;
            }
            Orders rest = orders.by(0);
            Orders known = alike.putIfAbsent(rest, rest);
            return known == null ? rest : known;
        });
        all.values().removeIf(Orders::isNone);
        alike.keySet().removeIf(orders -> orders.job() != 0 && over.test(orders.job()));
    }

    int size() {
        return all.size();
    }
}
