package dev.penstock.mtasts;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import dev.penstock.routing.StsPolicy;

class StsTextTest {
    @ParameterizedTest
    @CsvSource(nullValues = "-", value = {"v=STSv1; id=20160831085700Z;,20160831085700Z", "v=STSv1;id=a,a",
        "v=STSv1 ; id=a; future=x,a", "v=STSv1; id=,-", "v=STSv1; id=a-b;,-", "v=STSv1,-", "v=STSv2; id=a;,-",
        "id=a; v=STSv1;,-", "v=STSv1; id=123456789012345678901234567890123;,-"})
    void theIdIsReadFromTheRecord(String text, String id) {
        assertThat(StsText.id(List.of("v=spf1 -all", text))).isEqualTo(id);
    }

    @Test
    void ofTwoRecordsNoneCounts() {
        assertThat(StsText.id(List.of("v=STSv1; id=a;", "v=STSv1; id=b;"))).isNull();
        assertThat(StsText.id(List.of())).isNull();
    }

    @Test
    void aPolicyIsReadWithEitherEndOfLineAndKeysThatAreForLater() {
        String policy = """
                version: STSv1
                mode: enforce
                mx: mail.example.com
                mx: *.Example.NET
                new: x
                max_age: 604800
                """;
        StsText.Published expected = new StsText.Published(
                new StsPolicy(StsPolicy.Mode.ENFORCE, List.of("mail.example.com", "*.example.net")), 604_800);
        assertThat(StsText.policy(policy.replace("\n", "\r\n"))).isEqualTo(expected);
        assertThat(StsText.policy(policy)).isEqualTo(expected);
        assertThat(StsText.policy("version: STSv1\nmode: none\nmax_age: 86400"))
                .isEqualTo(new StsText.Published(null, 86_400));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "mode: enforce\nmx: a\nmax_age: 1", "version: STSv1\nmx: a\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmax_age: 1", "version: STSv1\nmode: enforce\nmx: a",
        "version: STSv1\nmode: enforce\nmx: a\nmax_age: 31557601", "version: STSv1\nmode: enforce\nmx: a\nmax_age: -1",
        "version: STSv1\nmode: strict\nmx: a\nmax_age: 1", "version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1",
        "version: STSv1\nmode: enforce\nmx: *\nmax_age: 1", "<html>"})
    void whatIsNoPolicyIsRefused(String text) {
        assertThatThrownBy(() -> StsText.policy(text)).isInstanceOf(IllegalArgumentException.class);
    }

    @ParameterizedTest
    @CsvSource({"mail.example.com,true", "MAIL.Example.com.,true", "a.example.net,true", "a.b.example.net,false",
        "example.net,false", "mail.example.org,false"})
    void anAsteriskIsOneLabel(String host, boolean admitted) {
        assertThat(new StsPolicy(StsPolicy.Mode.ENFORCE, List.of("mail.example.com", "*.example.net")).admits(host))
                .isEqualTo(admitted);
    }
}
