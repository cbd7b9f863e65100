package dev.penstock.units;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.net.InetAddress;
import java.util.List;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NetworksTest {
    @ParameterizedTest
    @CsvSource({"127.0.0.0/8, 127.255.0.1, true", "127.0.0.0/8, 128.0.0.1, false", "192.0.2.128/25, 192.0.2.128, true",
        "192.0.2.128/25, 192.0.2.127, false", "192.0.2.1, 192.0.2.1, true", "192.0.2.1, 192.0.2.2, false",
        "0.0.0.0/0, 203.0.113.9, true", "0.0.0.0/0, ::1, false", "2001:db8::/33, 2001:db8:7fff::1, true",
        "2001:db8::/33, 2001:db8:8000::1, false", "::1/128, ::1, true"})
    void addressesAreInTheirNetworks(String network, String address, boolean inside) throws Exception {
        assertThat(Networks.parse(List.of("198.51.100.0/24", network)).contains(InetAddress.getByName(address)))
                .isEqualTo(inside);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "example.com/8", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/x", "::/129"})
    void whatIsNoNetworkIsRefused(String network) {
        assertThatIllegalArgumentException().isThrownBy(() -> Networks.parse(List.of(network)));
    }
}
