package dev.penstock.config;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Reads the tables {@code [[listener]]}. Stateless. */
final class ListenerReader {
    private ListenerReader() {}

    static List<ListenerConfig> read(TableBinder file) {
        List<TableBinder> tables = file.tables("listener");
        if (tables == null) {
            return List.of(ListenerConfig.DEFAULT);
        }
        if (tables.isEmpty()) {
            file.reject("listener", "at least one is needed");
        }
        List<ListenerConfig> listeners = new ArrayList<>();
        Set<ListenAddress> seen = new HashSet<>();
        for (TableBinder table : tables) {
            if (!table.has("address")) {
                table.reject("address", "is missing; expected address:port like 127.0.0.1:2525");
            }
            Optional<ListenAddress> address = table.text("address", Optional.empty(),
                    "address:port in quotes, like \"127.0.0.1:2525\"", text -> Optional.of(address(text)));
            table.end();
            address.ifPresent(found -> listeners.add(new ListenerConfig(found.address(), found.port())));
            if (address.isPresent() && address.get().port() != 0 && !seen.add(address.get())) {
                table.reject("address", "another listener has this address and port already");
            }
        }
        return listeners;
    }

    private static ListenAddress address(String text) {
        Syntax.HostPort address = Syntax.addressAndPort(text);
        return new ListenAddress(address.host(), address.port());
    }
}
