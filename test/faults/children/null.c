/* An addon that reads through a null pointer as soon as it is loaded. */
__attribute__((constructor)) static void
crash(void)
{
  volatile int *nothing = 0;
  (void)*nothing;
}
