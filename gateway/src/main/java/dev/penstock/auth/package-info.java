/**
 * Who a client is: SASL mechanisms, the credentials file, and questions to others about credentials.
 */
@NullMarked
package dev.penstock.auth;

import org.jspecify.annotations.NullMarked;
